using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Log;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Messages;
using RmwCkpt.Middleware.Sessions;

namespace RmwCkpt.Middleware.Processes;

/// <summary>
/// What there is once in a process: its sessions, one for each domain, and what they share. Thread-safe. A program has
/// <see cref="Current"/>; a test may make several, which know nothing of each other.
/// </summary>
public sealed class ProcessContext
{
    public ProcessContext()
    {
        Lenders = new Lenders(InUse);
        Guardian = new Guardian(Masters);
        Handles = new Handles(this);
    }

    /// <summary>This program's.</summary>
    public static ProcessContext Current { get; } = new();

    /// <summary>Starts masters.</summary>
    public MasterStarter Masters { get; } = new();

    internal JoinedFolders Folders { get; } = new();

    internal SessionsInUse InUse { get; } = new();

    internal Lenders Lenders { get; }

    internal Guardian Guardian { get; }

    internal Handles Handles { get; }

    /// <summary>Joins a domain: starts the master where there is none, registers, starts the threads.</summary>
    /// <exception cref="Failure">NoMaster, or Error with what is wrong with the run folder.</exception>
    public Session Join(int domain) => Join(domain, RunFolder.For);

    /// <param name="find">Says where a domain's folders are.</param>
    internal Session Join(int domain, Func<int, RunFolder> find)
    {
        KillPoints.Initialize(Settings.OfProcess.Text(Settings.KillFolder));
        try
        {
            var folder = Folders.Join(find(domain));
            var resume = ReadResume(domain);
            var primary = InUse.Primary;
            var registry = new RegistryClient(folder);
            var started = Posix.Now(Posix.RealtimeClock);
            var hello = new Request { Hello = Greeting.Make(resume, started, primary) };
            var welcome = Masters.CallOrStart(folder, registry, hello, Registration.Patience).Welcome;
            if (Versions.WhyNot(welcome) is { } why)
            {
                throw new Failure(Code.Error, $"join domain {domain}: {why}");
            }
            if (welcome.StandInOf != 0)
            {
                StandIn.Become(folder, welcome.StandInOf, Masters.FindProgram());
            }
            var table = ProcessTable.Open(folder, make: false);
            var graph = GraphTable.Open(folder);
            var session = new Session(this, folder, registry, table, graph, welcome, welcome.Resumed);
            session.StartThreads();
            InUse.Enter(session);
            return session;
        }
        catch (RegistryException e)
        {
            throw new Failure(e.NoMaster ? Code.NoMaster : Code.Error, e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new Failure(Code.Error, $"join domain {domain}: {e.Message}", e);
        }
    }

    private static ulong ReadResume(int domain)
    {
        var settings = Settings.OfProcess;
        var resume = settings.Value(Settings.Resume);
        foreach (var complaint in settings.Complaints)
        {
            Report.Error($"warning: {complaint}");
        }
        if (resume is not { } asked || asked.Domain != domain)
        {
            return 0;
        }
        Posix.UnsetEnvironment(Settings.Resume.Name);
        Environment.SetEnvironmentVariable(Settings.Resume.Name, null);
        return asked.Process;
    }
}
