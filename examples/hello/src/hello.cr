require "./hello/check"
require "./hello/server"

# `hello` serves until it is asked to stop; `hello --check` asks a running one how it is.
module Hello
  def self.main(arguments : Array(String)) : Nil
    case arguments
    when [] of String then serve
    when ["--check"]  then exit(Check.healthy?(port) ? 0 : 1)
    else                   abort "usage: hello [--check]"
    end
  end

  private def self.serve : Nil
    server = Server.new
    address = server.bind(ENV.fetch("HOST", "0.0.0.0"), port)

    {Signal::INT, Signal::TERM}.each do |signal|
      signal.trap { server.close }
    end

    puts "hello #{VERSION} listens on http://#{address}"
    STDOUT.flush
    server.listen
    puts "hello has served #{server.requests} requests, good bye"
  end

  private def self.port : Int32
    text = ENV.fetch("PORT", "3000")
    port = text.to_i?
    abort "hello: PORT must be a number from 0 to 65535, not #{text.inspect}" unless port && 0 <= port <= 65535
    port
  end
end

Hello.main(ARGV)
