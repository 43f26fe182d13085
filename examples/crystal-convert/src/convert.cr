require "json"
require "yaml"

module Convert
  # Gives standard input to the block, and tells in one line what is wrong with it.
  def self.input(&) : Nil
    yield STDIN.gets_to_end
  rescue error : YAML::ParseException | JSON::ParseException
    abort "#{PROGRAM_NAME}: #{error.message}"
  end
end
