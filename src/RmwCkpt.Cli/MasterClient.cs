using System.Net.Sockets;
using RmwCkpt.Domain;
using RmwCkpt.Domain.Protocol;
using RmwCkpt.Memory;
using RmwCkpt.Middleware.Processes;

namespace RmwCkpt.Cli;

/// <summary>Asks a domain's master for a command, and explains why there is no answer.</summary>
internal static class MasterClient
{
    /// <summary>One after the other that are asked the same; more of them die by what they are asked.</summary>
    private const int MostMasters = 10;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static Reply Call(RunFolder folder, Request request, TimeSpan timeout, Action<string>? progress = null)
    {
        try
        {
            return new RegistryClient(folder).Call(request, timeout, progress);
        }
        catch (RegistryException e) when (e.NoMaster)
        {
            throw new CommandException(Explain(folder, e));
        }
        catch (RegistryException e)
        {
            throw new CommandException(e.Message);
        }
    }

    /// <summary>
    /// As <see cref="Call"/>, of a master that is started if there is none; where it dies over the request the next one is asked, which
    /// must be able to tell that it is the same request.
    /// </summary>
    public static Reply CallThrough(RunFolder folder, Request request, TimeSpan timeout, Action<string> progress)
    {
        for (var attempt = 1; ; attempt++)
        {
            SeeToMaster(folder);
            try
            {
                return new RegistryClient(folder).Call(request, timeout, progress);
            }
            catch (RegistryException e) when (e.NoMaster && attempt < MostMasters && Directory.Exists(folder.Run))
            {
                // It has been killed, or was about to end.
            }
            catch (RegistryException e)
            {
                throw new CommandException(e.NoMaster ? Explain(folder, e) : e.Message);
            }
        }
    }

    private static bool IsSomethingThere(RunFolder folder, RegistryException e) => e.InnerException switch
    {
        PosixException { Errno: Posix.Enoent } => false,
        SocketException => folder.Socket.Exists,
        _ => true,
    };

    /// <summary>Starts a master where a domain has been and has none, as after all in it were killed.</summary>
    public static void SeeToMaster(RunFolder folder)
    {
        if (!Directory.Exists(folder.Run))
        {
            return;
        }
        var masters = new MasterStarter { Program = Environment.ProcessPath };
        try
        {
            masters.CallOrStart(folder, new RegistryClient(folder), new Request { Status = new StatusQuery() }, s_patience);
        }
        catch (IOException)
        {
            // What is asked then says why.
        }
    }

    private static string Explain(RunFolder folder, RegistryException e)
    {
        if (Posix.OwnerOf(folder.Run) is { } owner && owner != Posix.UserId)
        {
            return $"{folder.Run} is user {owner}'s and you are user {Posix.UserId}: run rmw_ckpt as that user";
        }
        if (IsSomethingThere(folder, e))
        {
            return $"{e.Message}. If it was killed, the next node to look will start another; so does `rmw_ckpt master --domain {folder.Domain} &`";
        }
        return $"domain {folder.Domain} has no master (nothing at {folder.Run}). The first node with RMW_IMPLEMENTATION=rmw_ckpt "
            + "starts one; by hand: `rmw_ckpt master &`. Other domains: --domain or ROS_DOMAIN_ID; another place: RMW_CKPT_DIR";
    }
}
