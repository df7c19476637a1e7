using System.CommandLine.Completions;
using RmwCkpt.Cli.Journals;

namespace RmwCkpt.Cli;

/// <summary>What may be typed where a node's or a topic's name is wanted: those that are or were in the domain.</summary>
internal static class Completions
{
    public static Func<CompletionContext, IEnumerable<CompletionItem>> Nodes(CommonOptions common) =>
        context => Names(common, context, x => [x.Node]);

    public static Func<CompletionContext, IEnumerable<CompletionItem>> Topics(CommonOptions common) =>
        context => Names(common, context, x => [x.Topic]);

    public static Func<CompletionContext, IEnumerable<CompletionItem>> NodesAndTopics(CommonOptions common) =>
        context => Names(common, context, x => [x.Node, x.Topic]);

    private static IEnumerable<CompletionItem> Names(
        CommonOptions common, CompletionContext context, Func<LogEntry, IEnumerable<string>> names)
    {
        try
        {
            var folder = common.Folder(context.ParseResult);
            // Who begins without the slash need not have it.
            var cut = context.WordToComplete is { Length: > 0 } word && word[0] != '/';
            return Directory.Exists(folder.Run)
                ? [.. new LogCatalog(folder).All.SelectMany(names).Distinct().Select(x => new CompletionItem(cut ? x.TrimStart('/') : x))]
                : [];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
