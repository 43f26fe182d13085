# The checksum CRC-32C, computed by an extension in C that `postinstall` compiles.
module Crc32c
  VERSION = "1.0.0"

  @[Link(ldflags: "#{__DIR__}/../ext/libcrc32c.a")]
  lib Extension
    fun update = crc32c_update(crc : UInt32, bytes : UInt8*, size : LibC::SizeT) : UInt32
  end

  # Of everything that can be read.
  def self.checksum(io : IO) : UInt32
    crc = 0_u32
    buffer = Bytes.new(65_536)
    while (size = io.read(buffer)) > 0
      crc = Extension.update(crc, buffer, size)
    end
    crc
  end
end
