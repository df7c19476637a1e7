using RmwCkpt.Memory;

namespace RmwCkpt.Log;

/// <summary>Goes through all of a journal while its owner goes on, and says where it is not as it was written.</summary>
public static class JournalCheck
{
    /// <summary>How many cells are good, and what is not.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public static (long Cells, IReadOnlyList<Flaw> Flaws) Of(TrustedPath folder)
    {
        var flaws = new List<Flaw>();
        var numbers = Numbers(folder);
        var cells = 0L;
        for (var i = 0; i < numbers.Count; i++)
        {
            var path = folder / numbers[i].ToString("d");
            if (i > 0 && numbers[i] != numbers[i - 1] + 1)
            {
                flaws.Add(new Flaw(path.FullName, $"the files before it, from {numbers[i - 1] + 1}, are missing"));
            }
            var found = new List<Flaw>();
            var good = Check(folder, path, numbers[i], isLast: i == numbers.Count - 1, found);
            // Its owner may have let go of it meanwhile.
            if (path.Exists)
            {
                flaws.AddRange(found);
                cells += good;
            }
        }
        return (cells, flaws);
    }

    private static long Check(TrustedPath folder, TrustedPath path, long number, bool isLast, List<Flaw> flaws)
    {
        var good = 0L;
        var place = number * Journal.CellsPerFile;
        try
        {
            using var journal = Journal.OpenToRead(folder, place);
            for (var i = 0; i < Journal.CellsPerFile; i++, journal.Advance())
            {
                var at = $"{path}, byte {Journal.HeadSize + (i * Journal.CellSize)}";
                if (!journal.TryPeek(out var cell))
                {
                    if (!isLast)
                    {
                        flaws.Add(new Flaw(at, $"cell {place + i} is empty, and others follow"));
                    }
                    break;
                }
                if (cell.Kind == Cell.Damaged)
                {
                    flaws.Add(new Flaw(at, $"cell {place + i} is damaged: its check is another"));
                    continue;
                }
                good++;
            }
        }
        catch (InvalidDataException e)
        {
            flaws.Add(new Flaw(path.FullName, e.Message));
        }
        return good;
    }

    private static List<long> Numbers(TrustedPath folder) =>
        [.. folder.Names().Select(x => long.TryParse(x, out var number) ? number : -1).Where(x => x >= 0).Order()];
}
