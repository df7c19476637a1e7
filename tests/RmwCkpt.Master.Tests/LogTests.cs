using System.Reflection;
using Microsoft.Extensions.Logging;

namespace RmwCkpt.Master.Tests;

public sealed class LogTests
{
    [Fact]
    public void Each_line_of_the_log_has_a_number_of_its_own()
    {
        var ids = typeof(Log).GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Select(x => x.GetCustomAttribute<LoggerMessageAttribute>()?.EventId).OfType<int>().ToList();
        Assert.NotEmpty(ids);
        Assert.Empty(ids.GroupBy(x => x).Where(x => x.Count() > 1).Select(x => x.Key));
    }
}
