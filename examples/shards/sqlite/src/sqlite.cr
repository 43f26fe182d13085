# A database in a file.
class Sqlite
  VERSION = "1.0.0"

  class Error < Exception
  end

  @[Link("sqlite3")]
  lib Library
    type Database = Void*
    type Statement = Void*

    OK  =   0
    ROW = 100

    fun libversion = sqlite3_libversion : LibC::Char*
    fun open = sqlite3_open(path : LibC::Char*, database : Database*) : Int32
    fun close = sqlite3_close_v2(database : Database) : Int32
    fun errmsg = sqlite3_errmsg(database : Database) : LibC::Char*
    fun prepare = sqlite3_prepare_v2(database : Database, sql : LibC::Char*, size : Int32, statement : Statement*, tail : LibC::Char**) : Int32
    fun bind_text = sqlite3_bind_text(statement : Statement, index : Int32, text : LibC::Char*, size : Int32, destructor : Void*) : Int32
    fun step = sqlite3_step(statement : Statement) : Int32
    fun column_count = sqlite3_column_count(statement : Statement) : Int32
    fun column_text = sqlite3_column_text(statement : Statement, index : Int32) : LibC::Char*
    fun finalize = sqlite3_finalize(statement : Statement) : Int32
  end

  # Of the library that the program is linked with.
  def self.library_version : String
    String.new(Library.libversion)
  end

  # Gives the block a database, and closes it.
  def self.open(path : String, &)
    database = new(path)
    begin
      yield database
    ensure
      database.close
    end
  end

  def initialize(path : String)
    check Library.open(path, out @database)
  end

  def close : Nil
    Library.close(@database)
  end

  # All rows that a statement gives; `?` in it stand for the values.
  def execute(sql : String, values : Array(String) = [] of String) : Array(Array(String))
    check Library.prepare(@database, sql, sql.bytesize, out statement, nil)
    begin
      values.each_with_index(1) do |value, index|
        check Library.bind_text(statement, index, value, value.bytesize, nil)
      end
      rows(statement)
    ensure
      Library.finalize(statement)
    end
  end

  private def rows(statement : Library::Statement) : Array(Array(String))
    rows = [] of Array(String)
    while Library.step(statement) == Library::ROW
      rows << Array.new(Library.column_count(statement)) do |index|
        text = Library.column_text(statement, index)
        text.null? ? "" : String.new(text)
      end
    end
    rows
  end

  private def check(code : Int32) : Nil
    raise Error.new(String.new(Library.errmsg(@database))) unless code == Library::OK
  end
end
