require "./convert"

Convert.input { |text| puts YAML.parse(text).to_pretty_json }
