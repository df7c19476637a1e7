using System.Text;
using RmwCkpt.Master.Streams;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Streams;

/// <summary>The files that recovered processes write to, and whom they are passed on to.</summary>
public sealed class OutputTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly Mapping _state;
    private readonly int _writer;
    private readonly OutputFile _file;

    public OutputTests()
    {
        _state = StreamState.Open(Root / "streams");
        _writer = StandardOutputs.Open(Root / "output.log");
        _file = Open();
    }

    public void Dispose()
    {
        _file.Dispose();
        Posix.Close(_writer);
        _state.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void The_state_of_streams_has_its_layout()
    {
        Assert.Equal((64, 0, 8, 16, 24),
            (StreamState.Size, StreamState.Output, StreamState.Errors, StreamState.Holder, StreamState.HolderStart));
        Assert.Equal(StreamState.Size, (Root / "streams").Facts!.Value.Size);
    }

    [Fact]
    public void What_was_read_and_not_passed_is_read_again_by_the_next_master_too()
    {
        Say("one\ntwo\n");
        Assert.Equal("one\ntwo\n", Read(_file));
        _file.Advance(4);
        Assert.Equal("two\n", Read(_file));
        using var next = Open();
        Assert.Equal("two\n", Read(next));
        next.Skip();
        Say("three\n");
        Assert.Equal("three\n", Read(next));
    }

    [Fact]
    public void A_file_that_grows_is_begun_anew_and_says_what_was_not_read()
    {
        Say(new string('a', OutputFile.Limit));
        _file.Skip();
        Assert.Equal(0, _file.Trim());
        Assert.Equal(OutputFile.Limit, _file.Size);
        Say("bcd\n");
        Assert.Equal(4, _file.Trim());
        Assert.Equal(0, _file.Size);
        var older = File.ReadAllText(_file.Path.FullName + ".1");
        Assert.Equal(OutputFile.Limit, older.Length);
        Assert.EndsWith("abcd\n", older, StringComparison.Ordinal);
        // Who writes to it goes on at its beginning.
        Say("efg\n");
        Assert.Equal("efg\n", File.ReadAllText(_file.Path.FullName));
        Assert.Equal("efg\n", Read(_file));
    }

    [Fact]
    public void A_position_beyond_the_end_is_of_a_file_that_was_begun_anew()
    {
        Say("one\n");
        _state.View.Write(StreamState.Output, 1000L);
        Assert.Equal("one\n", Read(_file));
    }

    [Fact]
    public void A_pipe_gets_what_fits_and_its_end_is_an_answer()
    {
        var (read, write) = Pipes.Make();
        using var sink = OutputSink.Of(Posix.ProcessId, write)!;
        Posix.Close(write);
        Assert.Equal(5, sink.Write("hello"u8));
        Assert.False(sink.IsFull);
        var big = new byte[1024 * 1024];
        Assert.InRange(sink.Write(big), 1, big.Length - 1);
        Assert.True(sink.IsFull);
        Assert.Equal(0, sink.Write(big));
        Assert.True(sink.IsAlive);
        Posix.Close(read);
        // A child that another test is just starting has it open until its program runs.
        Assert.True(SpinWait.SpinUntil(() => !sink.IsAlive, TimeSpan.FromSeconds(20)));
        Assert.Equal(-1, sink.Write(big));
    }

    private static bool IsNoSink(int descriptor)
    {
        using var sink = OutputSink.Of(Posix.ProcessId, descriptor);
        return sink is null;
    }

    [Fact]
    public void What_nobody_reads_is_no_sink()
    {
        var (read, write) = Pipes.Make();
        Posix.Close(read);
        Assert.True(SpinWait.SpinUntil(() => IsNoSink(write), TimeSpan.FromSeconds(20)));
        Posix.Close(write);
        Assert.Null(OutputSink.Of(Posix.ProcessId, _writer));
    }

    [Fact]
    public void A_process_that_reports_to_a_pipe_that_nobody_reads_lives_on()
    {
        // The default, as of a C++ program; .NET ignores it.
        var (read, write) = Pipes.Make();
        Posix.Close(read);
        Posix.Restore(Posix.SigPipe);
        try
        {
            Posix.Write(write, "nobody hears it"u8);
        }
        finally
        {
            Posix.Ignore(Posix.SigPipe);
            Posix.Close(write);
        }
    }

    private TrustedPath Root => _scratch.Folder.Folder.Root;

    private OutputFile Open() => new(Root / "output.log", _state.View, StreamState.Output);

    private void Say(string text) => Posix.Write(_writer, Encoding.ASCII.GetBytes(text));

    private static string Read(OutputFile file)
    {
        var bytes = new byte[64];
        return Encoding.ASCII.GetString(bytes, 0, file.Read(bytes));
    }
}
