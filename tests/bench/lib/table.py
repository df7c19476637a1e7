"""Medians, spreads, ratios, and the Markdown table of them."""

from statistics import median


def _text(value: float, digits: int) -> str:
    return f'{value:.{digits}f}'


def _cell(values: list, digits: int) -> str:
    if not values:
        return 'failed'
    return f'{_text(median(values), digits)} ({_text(min(values), digits)}..{_text(max(values), digits)})'


def spread(values: list) -> dict:
    values = sorted(values)
    return {'p50': median(values), 'p99': values[min(len(values) - 1, int(len(values) * 0.99))], 'max': values[-1],
            'count': len(values)} if values else {'count': 0}


def ratio(ours: list, theirs: list, more_is_better: bool):
    """How many times better ours is, by the medians of runs that alternated; None where there is nothing to divide."""
    if not ours or not theirs or median(ours) == 0 or median(theirs) == 0:
        return None
    quotient = median(ours) / median(theirs)
    return quotient if more_is_better else 1 / quotient


def markdown(lines, results: dict, columns: list) -> str:
    """results[line][column] is a list of {key: value}. Columns: labels; the first is ours, the others are compared."""
    head = ['median (min..max)'] + columns + [f'better than {c}' for c in columns[1:]] + ['goal']
    rows = [head, ['---'] * len(head)]
    for line in lines:
        for figure in line.figures:
            values = {c: [run[figure.key] for run in results[line.name][c] if run] for c in columns}
            row = [f'{figure.title}, {figure.unit}' if figure.unit else figure.title]
            row += [_cell(values[c], figure.digits) for c in columns]
            for other in columns[1:]:
                r = ratio(values[columns[0]], values[other], figure.more_is_better)
                row.append('' if r is None else f'{r:.2f} x')
            rows.append(row + [figure.goal])
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)
