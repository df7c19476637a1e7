// Usage: ckpt_nodes counter|relay|watcher --witness FILE [--rate HZ] [--depth N] [--lend yes]
// The same three nodes, and the same witness lines, as counter.py, relay.py and watcher.py. With --lend the sums are large
// messages, of which the relay writes two of three where they are read, and always has one half written.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using RmwCkpt.Client;
using RmwCkpt.Domain;
using RmwCkpt.Memory;

var options = new Dictionary<string, string> { ["--rate"] = "100", ["--depth"] = "10", ["--lend"] = "no" };
for (var i = 1; i + 1 < args.Length; i += 2)
{
    options[args[i]] = args[i + 1];
}
if (args.Length == 0 || !options.TryGetValue("--witness", out var path))
{
    Console.Error.WriteLine("usage: ckpt_nodes counter|relay|watcher --witness FILE [--rate HZ] [--depth N] [--lend yes]");
    return 2;
}
var witness = new Witness(path);
var rate = double.Parse(options["--rate"], CultureInfo.InvariantCulture);
var qos = Qos.Default with { Depth = uint.Parse(options["--depth"], CultureInfo.InvariantCulture) };

var lends = options["--lend"] == "yes";

using var context = new Context();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var node = context.CreateNode(args[0]);
switch (args[0])
{
    case "counter":
        var numbers = node.CreatePublisher<Int64Message>("numbers", qos);
        var count = 0L;
        node.CreateTimer(TimeSpan.FromSeconds(1 / rate), () =>
        {
            if (count == 0 && numbers.Matched == 0)
            {
                return;
            }
            count++;
            witness.Write($"{count} {Posix.Now(Posix.RealtimeClock)}\n");
            numbers.Publish(new Int64Message(count));
        });
        break;
    case "relay" when lends:
        var blocks = node.CreatePublisher<SumBlock>("sums", qos);
        var block = new SumBlock(0).Begin(blocks);
        node.CreateSubscription<Int64Message>("numbers", message =>
        {
            var next = SumBlock.Next(block, message.Data);
            witness.Write($"{message.Data} {next.Sum}\n");
            if (message.Data % 3 == 0)
            {
                blocks.Publish(next);
                next.Renew(block);
            }
            else
            {
                next.End(block);
                blocks.PublishBorrowed(block);
                block = next.Begin(blocks);
            }
        }, qos);
        break;
    case "relay":
        var sums = node.CreatePublisher<Int64Message>("sums", qos);
        var sum = 0L;
        node.CreateSubscription<Int64Message>("numbers", message =>
        {
            sum += message.Data;
            witness.Write($"{message.Data} {sum}\n");
            sums.Publish(new Int64Message(sum));
        }, qos);
        break;
    case "watcher" when lends:
        node.CreateSubscription<SumBlock>(
            "sums", message => witness.Write($"{message.Sum} {Posix.Now(Posix.MonotonicClock)}\n"), qos);
        break;
    case "watcher":
        node.CreateSubscription<Int64Message>(
            "sums", message => witness.Write($"{message.Data} {Posix.Now(Posix.MonotonicClock)}\n"), qos);
        break;
    default:
        Console.Error.WriteLine($"no such node: {args[0]}");
        return 2;
}
context.Spin();
return 0;

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    context.Stop();
}

/// <summary>What a node says outside the middleware: one write(2) a line.</summary>
internal sealed class Witness(string path)
{
    private readonly int _fd = Posix.Open(path, Posix.WriteOnly | Posix.Append | Posix.Make | Posix.CloseOnExec, 0x1a4);

    public void Write(string line) => Posix.Write(_fd, Encoding.ASCII.GetBytes(line));
}
