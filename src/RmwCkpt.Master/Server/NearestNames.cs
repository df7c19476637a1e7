namespace RmwCkpt.Master.Server;

/// <summary>Names that somebody may have meant.</summary>
public static class NearestNames
{
    /// <summary>At most three of the names, those with the fewest edits first, and none that is quite another.</summary>
    public static IReadOnlyList<string> Find(string name, IEnumerable<string> names) =>
        [.. names.Distinct()
            .Select(x => (Name: x, Edits: Distance(name, x)))
            .Where(x => x.Edits <= Math.Max(2, Math.Max(name.Length, x.Name.Length) / 3)
                || x.Name.EndsWith(name, StringComparison.Ordinal))
            .OrderBy(x => x.Edits).ThenBy(x => x.Name, StringComparer.Ordinal)
            .Take(3).Select(x => x.Name)];

    /// <summary>The end of a sentence that says that there is no such name.</summary>
    public static string Hint(string name, IEnumerable<string> names)
    {
        var all = names.ToList();
        return Find(name, all) switch
        {
            { Count: > 0 } near => $"; did you mean {string.Join(" or ", near)}?",
            _ when all.Count == 0 => ": there are no nodes in this domain",
            _ => $"; there are {string.Join(", ", all.Distinct().Order(StringComparer.Ordinal).Take(5))}"
                + (all.Count > 5 ? " and others (rmw_ckpt status)" : ""),
        };
    }

    /// <summary>Insertions, deletions and substitutions from one to the other (Levenshtein).</summary>
    public static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return row[b.Length];
    }
}
