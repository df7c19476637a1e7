namespace RmwCkpt.Middleware.Replay;

/// <summary>
/// Threads that wait here for their turn, by their numbers for the kernel: they sleep, and yet nothing outside holds them up.
/// Under the gate.
/// </summary>
internal sealed class Turns
{
    private readonly HashSet<int> _waiting = [];

    public bool Has(int thread) => _waiting.Contains(thread);

    public void Enter(int thread) => _waiting.Add(thread);

    public void Leave(int thread) => _waiting.Remove(thread);
}
