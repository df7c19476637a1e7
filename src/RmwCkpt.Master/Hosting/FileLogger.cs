using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using RmwCkpt.Memory;

namespace RmwCkpt.Master.Hosting;

/// <summary>
/// Writes log lines to a file, each with one write(2), so that a master that is killed has said all it said. A file over
/// <see cref="Limit"/> is put aside as .1 and begun again.
/// </summary>
/// <param name="echo">Told each line too; for a master that somebody runs in the foreground.</param>
public sealed class FileLoggerProvider(TrustedPath path, LogLevel level, Action<string>? echo = null) : ILoggerProvider
{
    public const long Limit = 16 << 20;

    private readonly object _gate = new();
    private FileStream? _file;

    public ILogger CreateLogger(string categoryName) => new FileLogger(this, categoryName);

    public void Dispose()
    {
        lock (_gate)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private void Write(string line)
    {
        lock (_gate)
        {
            try
            {
                echo?.Invoke(line);
                _file ??= OpenAtEnd();
                _file.Write(Encoding.UTF8.GetBytes(line));
                if (_file.Position > Limit)
                {
                    _file.Dispose();
                    _file = null;
                    path.MoveTo(path + ".1");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full or vanished run folder must not stop recoveries; there is nowhere else to say it.
            }
        }
    }

    private FileStream OpenAtEnd()
    {
        var handle = new SafeFileHandle(path.Open(Posix.WriteOnly | Posix.Make), ownsHandle: true);
        var file = new FileStream(handle, FileAccess.Write, 0);
        file.Seek(0, SeekOrigin.End);
        return file;
    }

    private sealed class FileLogger(FileLoggerProvider owner, string category) : ILogger
    {
        private readonly LogLevel _level = owner.Level;
        private readonly string _category = category[(category.LastIndexOf('.') + 1)..];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= _level && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }
            var time = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture);
            var word = logLevel switch
            {
                LogLevel.Trace or LogLevel.Debug => "DEBUG",
                LogLevel.Information => "INFO ",
                LogLevel.Warning => "WARN ",
                _ => "ERROR",
            };
            var cause = exception is null ? "" : logLevel >= LogLevel.Error ? $": {exception}" : $": {exception.Message}";
            owner.Write($"{time} {word} [{_category}] {formatter(state, exception)}{cause}\n");
        }
    }

    private LogLevel Level { get; } = level;
}
