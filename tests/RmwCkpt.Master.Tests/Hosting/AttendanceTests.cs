using RmwCkpt.Domain;
using RmwCkpt.Master.Hosting;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests.Hosting;

public sealed class AttendanceTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly ProcessTable _table;
    private long _now = 1000 * Clock.Second;

    public AttendanceTests() => _table = ProcessTable.Open(_scratch.Folder, make: true);

    public void Dispose()
    {
        _table.Dispose();
        _scratch.Dispose();
    }

    private Attendance Make() => new(_table.Domain, () => _now);

    [Fact]
    public void Where_no_master_ever_was_nothing_is_old()
    {
        using var attendance = Make();
        Assert.Null(attendance.Absence());
        Assert.Equal(TimeSpan.Zero, attendance.SinceMark);
    }

    [Fact]
    public void The_next_master_after_a_short_while_finds_what_is_new()
    {
        using (var first = Make())
        {
            first.Mark();
        }
        _now += 59 * Clock.Second;
        using var next = Make();
        Assert.Null(next.Absence());
        Assert.Equal(TimeSpan.FromSeconds(59), next.SinceMark);
    }

    [Fact]
    public void After_a_long_while_what_is_found_may_be_old_and_what_happens_later_is_not()
    {
        using (var first = Make())
        {
            first.Mark();
        }
        _now += 61 * Clock.Second;
        using var next = Make();
        Assert.Equal(TimeSpan.FromSeconds(61), next.Absence());
        next.Mark();
        Assert.Equal(TimeSpan.FromSeconds(61), next.Absence());
        _now += 3 * Clock.Second;
        Assert.Null(next.Absence());
    }

    [Fact]
    public void A_host_that_was_suspended_under_a_master_is_an_absence_too_whoever_wakes_first()
    {
        using var attendance = Make();
        attendance.Mark();
        _now += 600 * Clock.Second;
        attendance.Mark();
        Assert.Equal(TimeSpan.FromSeconds(600), attendance.Absence());
    }
}
