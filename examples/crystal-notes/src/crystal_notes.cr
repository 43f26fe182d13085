require "sqlite"

begin
  Sqlite.open(ENV.fetch("NOTES", "notes.db")) do |database|
    database.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)")
    case ARGV
    when ["version"] then puts "SQLite #{Sqlite.library_version}"
    when ["list"]    then database.execute("SELECT rowid, text FROM notes").each { |row| puts row.join(' ') }
    when .empty?     then abort "usage: crystal-notes list|version|TEXT..."
    else                  database.execute("INSERT INTO notes VALUES (?)", [ARGV.join(' ')])
    end
  end
rescue error : Sqlite::Error
  abort "crystal-notes: #{error.message}"
end
