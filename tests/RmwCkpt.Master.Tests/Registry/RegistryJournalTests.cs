using RmwCkpt.Domain.Protocol;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Tests.Registry;

public sealed class RegistryJournalTests : IDisposable
{
    private readonly Scratch _scratch = new();

    private string Path => _scratch.Folder.RegistryJournal.FullName;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void What_was_appended_is_read_and_appending_goes_on()
    {
        Append(Scratch.Live(1), Scratch.Live(2, 2));
        Append(Scratch.Live(3, 3));
        Assert.Equal([1ul, 2, 3], Read().Select(x => x.Process.Process_));
    }

    [Fact]
    public void A_torn_end_is_cut_off_and_the_next_record_follows_the_last_good_one()
    {
        Append(Scratch.Live(1), Scratch.Live(2, 2));
        var bytes = File.ReadAllBytes(Path);
        File.WriteAllBytes(Path, bytes[..^3]);
        Append(Scratch.Live(3, 3));
        Assert.Equal([1ul, 3], Read().Select(x => x.Process.Process_));
    }

    [Fact]
    public void A_damaged_journal_is_kept_aside()
    {
        Append(Scratch.Live(1), Scratch.Live(2, 2), Scratch.Live(3, 3));
        var bytes = File.ReadAllBytes(Path);
        bytes[bytes.Length / 2] ^= 0x10;
        File.WriteAllBytes(Path, bytes);
        Assert.Equal([1ul], Read().Select(x => x.Process.Process_));
        Assert.Equal(bytes, File.ReadAllBytes(Path + ".damaged"));
    }

    [Fact]
    public void Compaction_replaces_everything_and_appending_goes_on()
    {
        var (journal, _) = RegistryJournal.Open(_scratch.Folder.RegistryJournal, Scratch.Log);
        using (journal)
        {
            for (var i = 0; i < 100; i++)
            {
                journal.Append(Scratch.Live(1));
            }
            var before = journal.Length;
            journal.Compact([Scratch.Live(7)]);
            Assert.True(journal.Length < before / 50);
            journal.Append(Scratch.Live(8));
        }
        Assert.Equal([7ul, 8], Read().Select(x => x.Process.Process_));
    }

    [Fact]
    public void A_compaction_that_was_killed_leaves_the_old_journal()
    {
        Append(Scratch.Live(1));
        File.WriteAllBytes(Path + ".new", [1, 2, 3]);
        Assert.Equal([1ul], Read().Select(x => x.Process.Process_));
        Assert.False(File.Exists(Path + ".new"));
    }

    private void Append(params RegistryRecord[] records)
    {
        var (journal, _) = RegistryJournal.Open(_scratch.Folder.RegistryJournal, Scratch.Log);
        using (journal)
        {
            journal.Append(records);
        }
    }

    private IReadOnlyList<RegistryRecord> Read()
    {
        var (journal, records) = RegistryJournal.Open(_scratch.Folder.RegistryJournal, Scratch.Log);
        journal.Dispose();
        return records;
    }
}
