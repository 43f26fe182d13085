require "http/server"
require "./crystal_server/greeting"

port = ENV.fetch("PORT", "3000").to_i
server = HTTP::Server.new([HTTP::LogHandler.new, HTTP::StaticFileHandler.new("public", directory_listing: false)]) do |context|
  case context.request.path
  when "/"       then context.response.redirect "/index.html"
  when "/health" then context.response.puts "ok"
  when "/greet"  then CrystalServer::Greeting.new(context.request.query_params["name"]?).answer(context.response)
  else                context.response.respond_with_status(:not_found)
  end
end

Process.on_terminate { server.close }
address = server.bind_tcp("0.0.0.0", port)
puts "listens on http://#{address}"
STDOUT.flush
server.listen
puts "good bye"
