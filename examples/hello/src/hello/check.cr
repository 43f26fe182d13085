require "http"
require "socket"

module Hello
  # The health check of the image, which has no curl: the program asks itself.
  module Check
    # Without `HTTP::Client`, which would bring TLS into the program.
    def self.healthy?(port : Int32) : Bool
      TCPSocket.open("127.0.0.1", port) do |socket|
        socket.read_timeout = 1.second
        HTTP::Request.new("GET", "/health", HTTP::Headers{"Host" => "localhost"}).to_io(socket)
        socket.flush
        HTTP::Client::Response.from_io(socket).success?
      end
    rescue IO::Error
      false
    end
  end
end
