using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Streams;

namespace RmwCkpt.Master;

/// <summary>What a command that was started again, and ended before it was a node, said last: why, most likely.</summary>
internal static class CommandsError
{
    private const int Lines = 3;
    private const int Longest = 300;

    public static string Of(Member member)
    {
        var path = member.Stdio.Descriptors.FirstOrDefault(x => x.Number == 2) is { Kind: StdioKind.File } file
            ? file.Target : Path.Combine(member.Entry.Record.Folder, StandardOutputs.Name(member.Entry.Record, 2));
        var said = Tail(path);
        return $"its command ends ({string.Join(' ', member.Entry.Record.Command)}, in {StartFolder.Of(member.Entry.Record)})"
            + (said.Length > 0 ? $": {said}" : "");
    }

    private static string Tail(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            file.Position = Math.Max(0, file.Length - (Longest * Lines * 4));
            using var reader = new StreamReader(file);
            var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            var text = string.Join(" | ", lines.TakeLast(Lines));
            return text.Length > Longest ? text[^Longest..] : text;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
