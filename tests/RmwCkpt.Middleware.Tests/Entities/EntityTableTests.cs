using RmwCkpt.Domain;
using RmwCkpt.Middleware.Entities;

namespace RmwCkpt.Middleware.Tests.Entities;

public sealed class EntityTableTests
{
    private readonly EntityTable _table = new();

    private sealed class Thing(uint id) : Entity(null!, id, EntityKind.Guard);

    [Fact]
    public void Ids_are_in_the_order_of_creation_and_only_who_asks_gets_one_again()
    {
        var things = Enumerable.Range(0, 200).Select(_ => Add(reuse: false)).ToList();
        Assert.Equal(Enumerable.Range(1, 200), things.Select(x => (int)x.Id));
        foreach (var thing in new[] { things[149], things[6] })
        {
            _table.Remove(thing);
            _table.Free(thing.Id);
        }
        Assert.Equal(201u, Add(reuse: false).Id);
        Assert.Equal([7u, 150u, 202u], new[] { Add(reuse: true), Add(reuse: true), Add(reuse: true) }.Select(x => x.Id));
    }

    [Fact]
    public void One_whose_making_fails_takes_no_id()
    {
        Assert.Throws<IOException>(() => _table.Add<Thing>(_ => throw new IOException(), reuse: false));
        Assert.Equal(1u, Add(reuse: false).Id);
    }

    [Fact]
    public void What_is_removed_is_found_no_more_and_nobody_removes_it_twice()
    {
        var thing = Add(reuse: true);
        Assert.Same(thing, _table.Find(0x05000000 | thing.Id));
        _table.Remove(thing);
        Assert.Null(_table.Find(thing.Id));
        _table.Free(thing.Id);
        var next = Add(reuse: true);
        Assert.Equal(thing.Id, next.Id);
        Assert.Equal(Code.Invalid, Assert.Throws<Failure>(() => _table.Remove(thing)).Code);
        Assert.Same(next, _table.Find(next.Id));
    }

    private Thing Add(bool reuse) => _table.Add(id => new Thing(id), reuse);
}
