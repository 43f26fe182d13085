require "json"

module CrystalServer
  # `{"greeting": "Hello, NAME"}`
  record Greeting, name : String? do
    def answer(response : HTTP::Server::Response) : Nil
      response.content_type = "application/json"
      {greeting: "Hello, #{name || "world"}"}.to_json(response)
    end
  end
end
