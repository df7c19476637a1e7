using RmwCkpt.Domain;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;

namespace RmwCkpt.Master.Snapshots;

/// <summary>
/// Notes now and then, and at each snapshot, what can be asked of living processes only: who is below them, and what they
/// have of the kernel. A dead process' children are somebody else's.
/// </summary>
internal sealed class KinWatch(ProcessRegistry registry) : IDisposable
{
    private const int Every = 3000; // ms
    private Timer? _timer;
    private int _busy;

    public void Start() => _timer = new Timer(_ => NoteAll(), null, Every, Every);

    /// <summary>What is under way ends first: the registry goes next.</summary>
    public void Dispose()
    {
        using var ended = new ManualResetEvent(false);
        if (_timer?.Dispose(ended) == true)
        {
            ended.WaitOne();
        }
    }

    public static void Note(ProcessRegistry registry, Member member)
    {
        var pid = (int)member.Entry.Record.Pid;
        var below = ProcessKin.Below(pid);
        var attributes = ProcessAttributes.Read(pid);
        // What was read of one that has ended meanwhile is not what it had.
        if (member.Entry.State != ProcessState.Live || !registry.IsAlive(member) || attributes.Limits.Count == 0)
        {
            return;
        }
        member.Below = below;
        if (!attributes.Equals(member.Entry.Record.Attributes))
        {
            registry.Update(member, r => r.Attributes = attributes);
        }
    }

    private void NoteAll()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            return;
        }
        try
        {
            foreach (var member in registry.Members)
            {
                if (member.Entry.State == ProcessState.Live)
                {
                    Note(registry, member);
                }
            }
        }
        catch (Exception)
        {
            // A full disk, say, or one that ends just now: the next time.
        }
        finally
        {
            _busy = 0;
        }
    }
}
