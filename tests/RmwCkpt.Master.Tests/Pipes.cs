using System.IO.Pipes;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Tests;

/// <summary>Pipes as other programs have them.</summary>
internal static class Pipes
{
    public static (int Read, int Write) Make()
    {
        // .NET's anonymous pipes are pipes too.
        using var pipe = new AnonymousPipeServerStream(PipeDirection.In);
        var self = Posix.OpenPidfd(Posix.ProcessId);
        var read = Posix.TakeDescriptor(self, (int)pipe.SafePipeHandle.DangerousGetHandle());
        var write = Posix.TakeDescriptor(self, (int)pipe.ClientSafePipeHandle.DangerousGetHandle());
        Posix.Close(self);
        pipe.DisposeLocalCopyOfClientHandle();
        return (read, write);
    }
}
