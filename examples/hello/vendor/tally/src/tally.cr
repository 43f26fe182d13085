require "./tally/counter"
require "./tally/stopwatch"

module Tally
  VERSION = "0.2.0"
end
