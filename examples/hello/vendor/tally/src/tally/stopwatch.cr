module Tally
  # Measures from the moment it is made, on a clock that nobody can set.
  class Stopwatch
    def initialize(&@now : -> Time::Span)
      @start = @now.call
    end

    def self.new
      new { Time.monotonic }
    end

    def elapsed : Time::Span
      @now.call - @start
    end

    # Seconds, with milliseconds as the fraction.
    def seconds : Float64
      elapsed.total_seconds.round(3)
    end

    # The two largest units, such as `3m 07s`.
    def to_s(io : IO) : Nil
      span = elapsed
      case span
      when .< 1.minute then io << span.seconds << 's'
      when .< 1.hour   then pair(io, span.minutes, 'm', span.seconds, 's')
      when .< 1.day    then pair(io, span.hours, 'h', span.minutes, 'm')
      else                  pair(io, span.days, 'd', span.hours, 'h')
      end
    end

    private def pair(io : IO, major : Int, major_unit : Char, minor : Int, minor_unit : Char) : Nil
      io << major << major_unit << ' ' << minor.to_s.rjust(2, '0') << minor_unit
    end
  end
end
