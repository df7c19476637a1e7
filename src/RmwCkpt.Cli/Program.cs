using RmwCkpt.Cli;
using RmwCkpt.Master.Hosting;

// The master starts while a node waits for it: past the parser, by the exact words that clients use.
if (args is ["master", "--domain", var domain, "--lock-fd", var descriptor]
    && int.TryParse(domain, out var d) && d >= 0 && int.TryParse(descriptor, out var fd) && fd > 2)
{
    return MasterProgram.Run(d, fd, Console.Error.WriteLine);
}
return CommandLine.Run(args);
