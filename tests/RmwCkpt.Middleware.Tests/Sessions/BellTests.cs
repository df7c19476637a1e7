using RmwCkpt.Domain;

namespace RmwCkpt.Middleware.Tests.Sessions;

public sealed class BellTests : IDisposable
{
    private const int Rings = 20_000;
    private static readonly TimeSpan s_forEver = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>One that goes to sleep after a ring must not have another sleep through it.</summary>
    [Fact]
    public void Each_of_several_sleepers_hears_each_ring()
    {
        var folder = new RunFolder(_scratch.Folder, _scratch.Folder, 7);
        using var table = ProcessTable.Open(folder, make: true);
        var slot = table.Slot(1);
        var said = 0;
        var heard = new int[3];
        var threads = heard.Select((_, me) => new Thread(() =>
        {
            while (heard[me] < Rings)
            {
                var bell = slot.AcquireUInt32(ProcessTable.Bell);
                var now = Volatile.Read(ref said);
                if (now == heard[me])
                {
                    ProcessTable.Sleep(slot, bell, -1);
                }
                Volatile.Write(ref heard[me], now);
            }
        })
        { IsBackground = true }).ToList();
        threads.ForEach(x => x.Start());
        for (var ring = 1; ring <= Rings; ring++)
        {
            Volatile.Write(ref said, ring);
            table.Ring(1);
            Assert.True(
                SpinWait.SpinUntil(() => Array.TrueForAll(heard, x => x >= ring), s_forEver),
                $"ring {ring} of {Rings}: the sleepers have heard {string.Join(", ", heard)}");
        }
        Assert.All(threads, x => Assert.True(x.Join(s_forEver)));
    }
}
