namespace RmwCkpt.Memory;

/// <summary>
/// The lock of the language that the program is in, as Python's: who calls the core may hold it, and those for whom the core waits
/// then cannot come. Thread-safe.
/// </summary>
public static unsafe class HostLock
{
    private static nint s_letGo;
    private static nint s_takeBack;

    /// <param name="letGo">A C function: lets go of it, and returns what takes it back; null, if the calling thread has it not.</param>
    /// <param name="takeBack">A C function: waits until the calling thread has it again.</param>
    public static void Set(nint letGo, nint takeBack)
    {
        s_takeBack = takeBack;
        Volatile.Write(ref s_letGo, letGo);
    }

    /// <summary>Lets go of it. 0: the calling thread has it not.</summary>
    public static nint LetGo() => Volatile.Read(ref s_letGo) is not 0 and var letGo ? ((delegate* unmanaged<nint>)letGo)() : 0;

    /// <summary>
    /// Waits for what <see cref="LetGo"/> returned, without the gate meanwhile, for who has the program's lock may wait for that. No
    /// other lock may be held that one may wait for.
    /// </summary>
    /// <param name="gate">Held, once.</param>
    public static void TakeBack(nint held, object gate)
    {
        if (held == 0)
        {
            return;
        }
        Monitor.Exit(gate);
        ((delegate* unmanaged<nint, void>)s_takeBack)(held);
        Monitor.Enter(gate);
    }
}
