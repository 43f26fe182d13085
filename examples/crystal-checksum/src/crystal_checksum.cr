require "crc32c"

puts "%08x" % Crc32c.checksum(STDIN)
