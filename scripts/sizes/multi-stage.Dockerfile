FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y crystal shards libssl-dev libzstd-dev
WORKDIR /src
COPY shard.yml shard.lock ./
RUN shards install --production
COPY . .
# Debian's OpenSSL needs zstd, wherever that stands
RUN crystal build --release --static --link-flags '-Wl,--start-group -lzstd' -o server src/crystal_server.cr

FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/* && apt-get clean
COPY --from=build /src/server /server
COPY public /public
EXPOSE 3000
HEALTHCHECK CMD curl -f -s http://localhost:3000/health || exit 1
CMD ["/server"]
