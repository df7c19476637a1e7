namespace RmwCkpt.Memory;

/// <summary>What /etc/passwd and /etc/group say of users. Those of a directory service are not known.</summary>
public static class Users
{
    private const string Passwd = "/etc/passwd";

    /// <summary>"alice (1000)", or "1000" where the name is not known.</summary>
    public static string Describe(uint user) => Find(user) is [var name, ..] ? $"{name} ({user})" : $"{user}";

    /// <summary>A user's home; null: not known.</summary>
    public static string? HomeOf(uint user) => Find(user) is [_, _, _, _, _, { Length: > 0 } home, ..] ? home : null;

    /// <summary>Whether a group is a user's private one, as most systems make them: nobody else is in it.</summary>
    internal static bool IsPrivateGroup(uint group, uint user)
    {
        var number = $"{group}";
        return Find(user) is [var name, _, _, var primary, ..] && primary == number
            && Lines(Passwd).All(x => x.Length < 4 || x[3] != number || x[2] == $"{user}")
            && Lines("/etc/group").Where(x => x.Length > 2 && x[2] == number)
                .All(x => x.Length < 4 || x[3].Split(',', StringSplitOptions.RemoveEmptyEntries).All(member => member == name));
    }

    private static string[]? Find(uint user) => Lines(Passwd).FirstOrDefault(x => x.Length > 2 && x[2] == $"{user}");

    private static IEnumerable<string[]> Lines(string path)
    {
        try
        {
            return [.. File.ReadLines(path).Select(x => x.Split(':'))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
