require "./convert"

Convert.input { |text| puts JSON.parse(text).to_yaml }
