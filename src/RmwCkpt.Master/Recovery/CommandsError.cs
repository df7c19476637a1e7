using RmwCkpt.Domain;
using RmwCkpt.Master.Engines;
using RmwCkpt.Master.Processes;
using RmwCkpt.Master.Registry;
using RmwCkpt.Master.Streams;

namespace RmwCkpt.Master.Recovery;

/// <summary>What a command that was started again, and ended before it was a node, said last: why, most likely.</summary>
internal static class CommandsError
{
    private const int Lines = 3;
    private const int Longest = 300;

    public static string Of(Member member, RunFolder folder)
    {
        // A file of its own is the one that it had open, whatever has its name now.
        var path = member.Stdio.Descriptors.FirstOrDefault(x => x.Number == 2) is { Kind: StdioKind.File, Descriptor: >= 0 } file
            ? $"/proc/self/fd/{file.Descriptor}" : StandardOutputs.File(folder, member.Entry.Record, 2).DescriptorPath;
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
