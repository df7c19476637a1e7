namespace RmwCkpt.Cli.Export;

/// <summary>A format that messages and events are exported in, given in the order of their times.</summary>
internal interface IExport : IDisposable
{
    /// <summary>A message; the payload is valid during the call.</summary>
    void Add(in ExportedMessage message);

    void Add(in RunEvent happened);

    /// <summary>Nothing comes any more.</summary>
    void Finish();
}
