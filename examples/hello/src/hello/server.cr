require "http/server"
require "json"
require "tally"

module Hello
  NAME    = "hello"
  VERSION = "1.0.0"

  # Answers `/` with what it knows about itself and `/health` with whether it is well.
  class Server
    def initialize
      @visits = Tally::Counter.new
      @uptime = Tally::Stopwatch.new
      @http = HTTP::Server.new { |context| handle(context) }
    end

    # Port 0 takes a free one; the answer says which.
    def bind(host : String, port : Int32) : Socket::IPAddress
      @http.bind_tcp(host, port)
    end

    # Returns once the server was closed.
    def listen : Nil
      @http.listen
    end

    def close : Nil
      @http.close unless @http.closed?
    end

    def requests : Int64
      @visits.value
    end

    private def handle(context : HTTP::Server::Context) : Nil
      case context.request.path
      when "/"       then welcome(context)
      when "/health" then respond(context, {status: "ok"})
      else                respond(context, {error: "not found"}, HTTP::Status::NOT_FOUND)
      end
    end

    private def welcome(context : HTTP::Server::Context) : Nil
      respond(context, {
        name:     NAME,
        version:  VERSION,
        greeting: "Hello from Crystal #{Crystal::VERSION}",
        requests: @visits.increment,
        uptime:   @uptime.seconds,
      })
    end

    private def respond(context : HTTP::Server::Context, body, status = HTTP::Status::OK) : Nil
      response = context.response
      unless context.request.method.in?("GET", "HEAD")
        response.headers["Allow"] = "GET, HEAD"
        status = HTTP::Status::METHOD_NOT_ALLOWED
        body = {error: "method not allowed"}
      end
      response.status = status
      response.content_type = "application/json"
      body.to_json(response)
      response.puts
    end
  end
end
