require "http/client"

url, zone = ARGV[0]?, ARGV[1]?
abort "usage: crystal-clock https://HOST/ ZONE" unless url && zone

begin
  location = Time::Location.load(zone)
  date = HTTP::Client.head(url).headers["Date"]
  time = HTTP.parse_time(date) || abort "crystal-clock: not a date: #{date.inspect}"
  puts time.in(location).to_s("%F %T %:z #{location}")
rescue error : OpenSSL::SSL::Error | IO::Error | Time::Location::InvalidLocationNameError
  abort "crystal-clock: #{error.message}"
end
