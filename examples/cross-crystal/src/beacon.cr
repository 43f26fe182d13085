require "http/server"
require "json"
require "socket"

# `beacon` tells over HTTP how the machine is that it runs on; `beacon --check` asks a running one how it is.
module Beacon
  # Thousandths of a degree; there is none on most machines that are not a Raspberry Pi.
  TEMPERATURE = "/sys/class/thermal/thermal_zone0/temp"
  TARGET      = {{ flag?(:arm) ? "arm" : flag?(:aarch64) ? "arm64" : "amd64" }}

  def self.main(arguments : Array(String)) : Nil
    case arguments
    when [] of String then serve
    when ["--check"]  then exit(healthy? ? 0 : 1)
    else                   abort "usage: beacon [--check]"
    end
  end

  private def self.serve : Nil
    server = HTTP::Server.new { |context| answer(context) }
    address = server.bind_tcp("0.0.0.0", port)
    {Signal::INT, Signal::TERM}.each &.trap { server.close }
    puts "beacon listens on http://#{address}"
    STDOUT.flush
    server.listen
  end

  private def self.answer(context : HTTP::Server::Context) : Nil
    case context.request.path
    when "/"       then respond(context, {target: TARGET, parent: Process.ppid, temperature: temperature})
    when "/health" then respond(context, {status: "ok"})
    else                respond(context, {error: "not found"}, HTTP::Status::NOT_FOUND)
    end
  end

  private def self.respond(context : HTTP::Server::Context, body, status = HTTP::Status::OK) : Nil
    context.response.status = status
    context.response.content_type = "application/json"
    body.to_json(context.response)
    context.response.puts
  end

  private def self.temperature : Float64?
    File.read(TEMPERATURE).to_i.fdiv(1000) if File.exists?(TEMPERATURE)
  end

  # Without `HTTP::Client`, which would bring TLS into the program.
  private def self.healthy? : Bool
    TCPSocket.open("127.0.0.1", port) do |socket|
      socket.read_timeout = 2.seconds
      HTTP::Request.new("GET", "/health", HTTP::Headers{"Host" => "localhost"}).to_io(socket)
      socket.flush
      HTTP::Client::Response.from_io(socket).success?
    end
  rescue IO::Error
    false
  end

  private def self.port : Int32
    text = ENV.fetch("PORT", "3000")
    port = text.to_i?
    abort "beacon: PORT must be a number from 0 to 65535, not #{text.inspect}" unless port && 0 <= port <= 65535
    port
  end
end

Beacon.main(ARGV)
