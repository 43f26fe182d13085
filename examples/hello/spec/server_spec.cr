require "spec"
require "http"
require "../src/hello/check"
require "../src/hello/server"

private def with_server(&)
  server = Hello::Server.new
  address = server.bind("127.0.0.1", 0)
  stopped = Channel(Nil).new
  spawn do
    server.listen
    stopped.send(nil)
  end
  # HTTP::Server#close before #listen is an error, so let the fiber get there.
  Fiber.yield
  begin
    yield HTTP::Client.new(address.address, address.port), server
  ensure
    server.close
    stopped.receive
  end
end

describe Hello::Server do
  it "says who it is" do
    with_server do |client|
      response = client.get("/")
      response.status_code.should eq 200
      response.content_type.should eq "application/json"
      body = JSON.parse(response.body)
      body["name"].should eq "hello"
      body["version"].should eq Hello::VERSION
      body["uptime"].as_f.should be >= 0
    end
  end

  it "counts its visitors, and only them" do
    with_server do |client, server|
      client.get("/health")
      client.get("/nothing")
      counts = Array.new(3) { JSON.parse(client.get("/").body)["requests"].as_i }
      counts.should eq [1, 2, 3]
      server.requests.should eq 3
    end
  end

  it "is healthy" do
    with_server do |client|
      response = client.get("/health")
      response.status_code.should eq 200
      JSON.parse(response.body).should eq({"status" => "ok"})
    end
  end

  it "does not know other paths" do
    with_server do |client|
      client.get("/nothing").status_code.should eq 404
    end
  end

  it "only answers to reading" do
    with_server do |client|
      response = client.post("/", body: "{}")
      response.status_code.should eq 405
      response.headers["Allow"].should eq "GET, HEAD"
    end
  end
end

describe Hello::Check do
  it "is content with a server that answers" do
    with_server do |client|
      Hello::Check.healthy?(client.port).should be_true
    end
  end

  it "is not content where nothing listens" do
    port = TCPServer.open("127.0.0.1", 0, &.local_address.port)
    Hello::Check.healthy?(port).should be_false
  end
end
