using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using RmwCkpt.Cli.Commands;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;

namespace RmwCkpt.Cli;

/// <summary>
/// A console over a domain: a line of input is a command. All that it knows the master knows, but for its own interval, so that it
/// may be killed and started anew at any moment. Not thread-safe.
/// </summary>
internal sealed class Coordinator(RunFolder folder, double interval)
{
    public const string Commands = """
        c             checkpoint: snapshots of all nodes now
        k             kill all nodes; nothing is brought back before r, or a new start
        r             restart: bring back all that were killed
        l             list the nodes
        s             status, in one line
        i [SECONDS]   say the interval of checkpoints, or set it; 0: none
        q             quit; the nodes go on
        ?             this
        """;

    private const int Done = 0;
    private const int Failed = 1;
    private const int Usage = 2;
    private const double MostSeconds = 1e6;
    private readonly BlockingCollection<string> _lines = [];
    private readonly Stopwatch _since = Stopwatch.StartNew();
    private double _interval = interval;
    private bool _isOver;

    /// <summary>Obeys lines until `q` or their end; where checkpoints are taken at intervals it goes on after their end.</summary>
    public void Run(Stream input, bool prompts)
    {
        new Thread(() => Read(input)) { Name = "input", IsBackground = true }.Start();
        do
        {
            if (prompts)
            {
                Console.Write("rmw_ckpt> ");
            }
        }
        while (Next() is { } line && (Obey(line) != Done || !_isOver));
    }

    /// <summary>Obeys one line.</summary>
    /// <returns>The exit status that it would be: 0, 1 where it failed, 2 where there is no such command.</returns>
    public int Obey(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        try
        {
            return words switch
            {
                [] => Done,
                ["c"] => Checkpoint(),
                ["k"] => TogetherCommands.Report(TogetherCommands.Kill(folder, Console.WriteLine)),
                ["r"] => TogetherCommands.Report(TogetherCommands.Restart(folder, Console.WriteLine)),
                ["l"] => List(),
                ["s"] => Summary(),
                ["i"] => SayInterval(),
                ["i", var seconds] => SetInterval(seconds),
                ["q"] => Quit(),
                ["?"] => Say(Commands),
                _ => Wrong($"there is no command '{line.Trim()}'; they are\n{Commands}"),
            };
        }
        catch (Exception e) when (e is CommandException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"rmw_ckpt: {e.Message}");
            return Failed;
        }
    }

    /// <summary>An interval in seconds; null: it is none.</summary>
    public static double? ParseInterval(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds <= MostSeconds
            ? seconds : null;

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    // By the stream: a console of .NET's would change the terminal's settings, and leave them so when it is killed.
    private void Read(Stream input)
    {
        using var reader = new StreamReader(input);
        while (reader.ReadLine() is { } line)
        {
            _lines.Add(line);
        }
        _lines.CompleteAdding();
    }

    /// <summary>The next line, and before it the checkpoints that are due; null: there are no more.</summary>
    private string? Next()
    {
        while (true)
        {
            var wait = _interval == 0 ? Timeout.InfiniteTimeSpan : Max(TimeSpan.FromSeconds(_interval) - _since.Elapsed, TimeSpan.Zero);
            if (_lines.TryTake(out var line, wait))
            {
                return line;
            }
            if (_interval == 0)
            {
                return null;
            }
            if (_lines.IsCompleted)
            {
                Thread.Sleep(wait);
            }
            if (_since.Elapsed.TotalSeconds >= _interval)
            {
                _since.Restart();
                Obey("c");
            }
        }
    }

    private int Checkpoint()
    {
        var reply = CheckpointCommand.Take(folder, [], Console.WriteLine);
        return reply.Checkpoints.Count > 0 ? Done : Say("there are no nodes");
    }

    private int List()
    {
        var table = Output.Table("NODES", "PID", "STATE", "LAST SNAPSHOT");
        foreach (var process in Status().Processes.OrderBy(Output.Name, StringComparer.Ordinal))
        {
            table.AddRow(
                Output.Cell(Output.Name(process)), $"{process.Process.Pid}", Output.Cell(process.State), Output.Ago(process.LastCheckpoint));
        }
        Output.Print(table);
        return Done;
    }

    private int Summary()
    {
        var status = Status();
        var states = status.Processes.GroupBy(x => x.State).OrderBy(x => x.Key, StringComparer.Ordinal).Select(x => $"{x.Count()} {x.Key}");
        return Say($"domain {status.Domain}: master {status.MasterPid}, engine {status.Engine}; processes: "
            + (status.Processes.Count == 0 ? "none" : string.Join(", ", states))
            + $"; memory {ByteSize.Show(status.MemoryUsed)} of {ByteSize.Show(status.MemoryBudget)}");
    }

    private Status Status()
    {
        MasterClient.SeeToMaster(folder);
        return MasterClient.Call(folder, new Request { Status = new StatusQuery() }, TimeSpan.FromSeconds(10)).Status;
    }

    private int SetInterval(string text)
    {
        if (ParseInterval(text) is not { } seconds)
        {
            return Wrong($"'{text}' is no interval: seconds from 0 (none) to {MostSeconds:F0}");
        }
        _interval = seconds;
        _since.Restart();
        return SayInterval();
    }

    private int SayInterval() => Say(_interval == 0
        ? "no checkpoints of all at intervals; each node has its own (RMW_CKPT_INTERVAL)"
        : string.Create(CultureInfo.InvariantCulture, $"a checkpoint of all each {_interval} s"));

    private int Quit()
    {
        _isOver = true;
        return Done;
    }

    private static int Say(string text)
    {
        Console.WriteLine(text);
        return Done;
    }

    private static int Wrong(string text)
    {
        Console.Error.WriteLine($"rmw_ckpt: {text}");
        return Usage;
    }
}
