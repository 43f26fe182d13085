FROM debian:trixie-slim
RUN apt-get update && apt-get install -y crystal shards libssl-dev curl && apt-get clean
WORKDIR /src
COPY . .
RUN shards build --production --release
EXPOSE 3000
HEALTHCHECK CMD curl -f -s http://localhost:3000/health || exit 1
CMD ["bin/crystal-server"]
