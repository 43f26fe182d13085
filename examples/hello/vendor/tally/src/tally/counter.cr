module Tally
  # A number that only goes up. Every increment is seen exactly once, whichever fiber or thread makes it.
  class Counter
    def initialize(start : Int64 = 0_i64)
      @value = Atomic(Int64).new(start)
    end

    # Adds one and returns the new value, which no other caller gets.
    def increment : Int64
      @value.add(1_i64) + 1
    end

    def value : Int64
      @value.get
    end
  end
end
