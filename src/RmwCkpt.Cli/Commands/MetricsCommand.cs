using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using RmwCkpt.Cli.Metrics;

namespace RmwCkpt.Cli.Commands;

/// <summary>`rmw_ckpt metrics [--port PORT]`: how the domain is, for Prometheus and others.</summary>
internal static class MetricsCommand
{
    public static Command Make(CommonOptions common)
    {
        var port = new Option<int?>("--port")
        {
            Description = "serve it at http://127.0.0.1:PORT/metrics until SIGINT or SIGTERM (0: a port that is free); without: print it once",
        };
        port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            {
                result.AddError($"--port: a number from 0 to {IPEndPoint.MaxPort} is wanted");
            }
        });
        var command = new Command("metrics", "recoveries, silence, losses, memory, journals' growth, by node, as OpenMetrics text") { port };
        command.SetAction(parsed =>
        {
            var metrics = new DomainMetrics(common.Folder(parsed));
            if (parsed.GetValue(port) is { } number)
            {
                Serve(number, metrics);
            }
            else
            {
                Console.Write(metrics.Collect());
            }
            return 0;
        });
        return command;
    }

    private static void Serve(int port, DomainMetrics metrics)
    {
        using var server = new MetricsServer(port, metrics.Collect);
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        Console.WriteLine($"http://127.0.0.1:{server.Port}/metrics");
        server.Run(stop.Token).GetAwaiter().GetResult();
    }
}
