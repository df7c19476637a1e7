using RmwCkpt.Domain;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Sweeping;

namespace RmwCkpt.Master.Tests.Sweeping;

public sealed class MemoryWatchTests : IDisposable
{
    private const int Image = 20_000_000;
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Logs_do_not_grow_into_the_room_of_an_image_that_is_being_written()
    {
        using var registry = ProcessRegistry.Open(_scratch.Folder, new ProcessProbe(), Scratch.Log);
        using var watch = new MemoryWatch(_scratch.Folder, registry, new MasterOptions { Memory = 50_000_000 }, Scratch.Log);
        var words = new DomainMemory(registry.Table.Domain);
        watch.Look();
        var free = words.MostGrown - words.Grown;
        Assert.InRange(free, 2 * Image, 50_000_000);

        using (watch.Expect(Image))
        {
            Assert.Equal(free - Image, words.MostGrown - words.Grown);
            Assert.False(words.TryGrow(free - Image + 1));
            watch.Look();
            Assert.Equal(free - Image, words.MostGrown - words.Grown);
        }
        Assert.Equal(free - Image, words.MostGrown - words.Grown);
        watch.Look();
        Assert.Equal(free, words.MostGrown - words.Grown);
    }
}
