using System.Runtime.InteropServices;
using RmwCkpt.Trial;
using RmwCkpt.Trial.Running;
using RmwCkpt.Trial.Showing;
using Spectre.Console;

return new CommandLine().Run(args, Run);

static int Run(TrialOptions options, bool json, bool live)
{
    using var stop = new CancellationTokenSource();
    using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    Reaper.Start();
    // People read stdout, unless a program does.
    var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(json ? Console.Error : Console.Out) });
    if (!console.Profile.Out.IsTerminal)
    {
        console.Profile.Width = 160; // of a file or a pipe: it has no edge to wrap at
    }
    var state = new TrialState();
    var view = new LiveView(console, state, options);
    try
    {
        using var run = new TrialRun(options, state, stop.Token);
        var result = live && console.Profile.Out.IsTerminal ? view.Watch(run.Run) : view.WatchPlainly(run.Run);
        Report.Write(console, options, result);
        if (json)
        {
            Console.Out.WriteLine(Report.Json(options, result));
        }
        return result.Verdict.Ok ? 0 : 1;
    }
    catch (OperationCanceledException)
    {
        console.Profile.Out.Writer.WriteLine("VERDICT: failed — interrupted");
        return 1;
    }

    void Stop(PosixSignalContext context)
    {
        context.Cancel = true; // so that what was started is ended
        stop.Cancel();
    }
}
