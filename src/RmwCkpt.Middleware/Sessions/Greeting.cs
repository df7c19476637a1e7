using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;

namespace RmwCkpt.Middleware.Sessions;

/// <summary>What this process tells a master when it joins.</summary>
internal static class Greeting
{
    private const int LargestPolicyFile = 1 << 20;

    /// <param name="resume">As Hello has it.</param>
    /// <param name="primary">The session in this process' primary domain; null: it joins that now.</param>
    /// <exception cref="Failure">The file that RMW_CKPT_POLICY names cannot be read.</exception>
    public static Hello Make(ulong resume, long started, Session? primary)
    {
        var (file, text) = ReadPolicyFile();
        var hello = Make(started, primary, file, text);
        hello.Resume = resume;
        foreach (var complaint in hello.Complaints)
        {
            Report.Error($"warning: {complaint}");
        }
        return hello;
    }

    /// <summary>What it tells a new master, once it has joined: as before, but a policy's file that is gone is left out.</summary>
    public static Hello MakeAgain(Session? primary)
    {
        var (file, text) = ("", "");
        try
        {
            (file, text) = ReadPolicyFile();
        }
        catch (Failure)
        {
        }
        return Make(Posix.Now(Posix.RealtimeClock), primary, file, text);
    }

    private static Hello Make(long started, Session? primary, string file, string text)
    {
        var settings = Settings.OfProcess;
        var policy = Policy.FromEnvironment(settings);
        var memory = settings.Value(Settings.Memory);
        var hello = new Hello
        {
            Started = started,
            PrimaryProcess = primary?.ProcessId ?? 0,
            PrimaryDomain = (uint)(primary?.Folder.Domain ?? 0),
            PrimarySlot = primary?.SlotIndex ?? 0,
            Policy = policy,
            Complaints = { settings.Complaints },
            PolicyFile = file,
            PolicyText = text,
            Protocol = Versions.Protocol,
            Version = Versions.Release,
        };
        if (memory is { } bytes)
        {
            hello.Memory = bytes;
        }
        return hello;
    }

    /// <summary>The file's name and its text, which is for the master to understand; empty: there is none.</summary>
    private static (string Name, string Text) ReadPolicyFile()
    {
        if (Settings.OfProcess.Text(Settings.PolicyFile) is not { } name)
        {
            return ("", "");
        }
        try
        {
            return new FileInfo(name).Length <= LargestPolicyFile
                ? (name, File.ReadAllText(name))
                : throw new IOException($"it has more than {LargestPolicyFile} bytes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new Failure(Code.Error, $"{Settings.PolicyFile.Name}={name} cannot be read: {e.Message}", e);
        }
    }
}
