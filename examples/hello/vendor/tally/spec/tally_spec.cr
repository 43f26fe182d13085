require "spec"
require "../src/tally"

describe Tally::Counter do
  it "starts at zero" do
    Tally::Counter.new.value.should eq 0
  end

  it "returns the value it has made" do
    counter = Tally::Counter.new(41_i64)
    counter.increment.should eq 42
    counter.value.should eq 42
  end

  it "loses nothing when many fibers count" do
    counter = Tally::Counter.new
    done = Channel(Nil).new
    20.times do
      spawn do
        50.times do
          counter.increment
          Fiber.yield
        end
        done.send(nil)
      end
    end
    20.times { done.receive }
    counter.value.should eq 1000
  end
end

describe Tally::Stopwatch do
  {
    {0.seconds, "0s"},
    {59.9.seconds, "59s"},
    {60.seconds, "1m 00s"},
    {187.seconds, "3m 07s"},
    {2.hours + 14.minutes, "2h 14m"},
    {5.days + 1.hour, "5d 01h"},
  }.each do |span, text|
    it "tells #{span.total_seconds} seconds as #{text}" do
      now = 1.hour
      watch = Tally::Stopwatch.new { now }
      now += span
      watch.to_s.should eq text
      watch.seconds.should eq span.total_seconds
    end
  end

  it "goes forward" do
    watch = Tally::Stopwatch.new
    watch.elapsed.should be >= 0.seconds
  end
end
