using System.Text;
using RmwCkpt.Domain;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Cli.Tests;

/// <summary>
/// A domain with three logs that were written here, and the command on it. The variable and the console are the whole process':
/// such tests run one after the other.
/// </summary>
[Collection("console")]
public abstract class JournalTest : IDisposable
{
    private readonly string _parent = $"/dev/shm/rmw_ckpt-test-{Guid.NewGuid():n}";

    protected JournalTest()
    {
        Environment.SetEnvironmentVariable("RMW_CKPT_DIR", _parent);
        Folder = RunFolder.For(7);
        Folder.Ensure();
        Write(1, "/numbers", "/counter");
        Write(2, "/sums", "/relay");
        Write(3, "/relay", "/watcher");
    }

    protected RunFolder Folder { get; }

    /// <summary>A folder that goes with the test.</summary>
    protected string Other => Directory.CreateDirectory(Path.Combine(_parent, "other")).FullName;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("RMW_CKPT_DIR", null);
        Folder.Dispose();
        Directory.Delete(_parent, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected static Gid Gid(uint number) => new(9, number, 7);

    /// <summary>Writes a log of messages, a second from one to the next.</summary>
    protected void Write(uint number, string topic, string node, int messages = 1)
    {
        using var writer = LogWriter.Open(Folder.Log(Gid(number)), new FixedLimits(1 << 20), 0, x => EndpointHead.Write(
            x, Gid(number), 1, EntityKind.Publisher, number, Qos.Default, null, topic, "std_msgs/msg/Int64", node));
        for (var i = 1; i <= messages; i++)
        {
            writer.Commit(writer.Reserve(12), 12, 0, 1, 1_000_000_000L * i, default, out _);
        }
    }

    protected void DamageHead(uint number)
    {
        using var head = File.OpenWrite((Folder.Log(Gid(number)) / LogHead.FileName).FullName);
        head.Write(new byte[64]);
    }

    /// <summary>Changes a bit of a file.</summary>
    protected static void FlipBit(TrustedPath path, int at, int bit = 4)
    {
        var bytes = File.ReadAllBytes(path.FullName);
        bytes[at] ^= (byte)bit;
        File.WriteAllBytes(path.FullName, bytes);
    }

    /// <summary>Where a message of <see cref="Write"/> is in its log's only segment.</summary>
    protected static int PlaceOf(int sequence) => Segment.HeadSize + ((sequence - 1) * Frame.Align(Frame.HeadSize + 12));

    protected static (int Code, string Output, string Errors) Run(params string[] args)
    {
        var (before, beforeErrors) = (Console.Out, Console.Error);
        using var output = new StringWriter(new StringBuilder());
        using var errors = new StringWriter(new StringBuilder());
        Console.SetOut(output);
        Console.SetError(errors);
        try
        {
            return (CommandLine.Run([.. args, "--domain", "7"]), output.ToString(), errors.ToString());
        }
        finally
        {
            Console.SetOut(before);
            Console.SetError(beforeErrors);
        }
    }
}
