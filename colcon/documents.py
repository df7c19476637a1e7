"""Checks what the documents refer to: links, files, tests and variables that are not there any more are named."""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).parent.parent
ROOTS = ('src/', 'tests/', 'colcon/', 'docs/', 'rmw_ckpt/', 'examples/', '.ci/')


def files(*patterns):
    """Those of the work tree, also what is not added yet."""
    said = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '--', *patterns], cwd=TOP, check=True, capture_output=True, text=True).stdout
    return [TOP / line for line in said.splitlines() if (TOP / line).exists()]


def anchors(text):
    """What GitHub makes of a document's headings."""
    for heading in re.findall(r'^#+ (.*)$', text, re.MULTILINE):
        yield re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def wrong_links(document, text):
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if target.startswith(('http://', 'https://')):
            continue
        name, _, anchor = target.partition('#')
        file = (document.parent / name).resolve() if name else document
        if not file.exists():
            yield f'the link {target} leads nowhere'
        elif anchor and anchor not in anchors(file.read_text()):
            yield f'{name or document.name} has no heading {anchor}'


def wrong_names(text, sources, words):
    for word in re.findall(r'`([^`\n]+)`', text):
        if word.startswith(ROOTS) and re.fullmatch(r'[\w./-]+', word) and not (TOP / word).exists():
            yield f'there is no {word}'
        test = re.fullmatch(r'(\w+Tests)(?:\.(\w+))?', word)
        if test and f'class {test[1]}' not in sources:
            yield f'there is no class {test[1]}'
        if test and test[2] and f' {test[2]}(' not in sources:
            yield f'{test[1]} has no test {test[2]}'
        if re.fullmatch(r'RMW_CKPT_[A-Z_]+', word) and word not in sources:
            yield f'nothing reads {word}'
        if re.fullmatch(r'_?[A-Z][a-z]\w*(\.\w+)*', word):
            yield from (f'the code has no {part} ({word})' for part in word.split('.') if part not in words)


def main():
    sources = '\n'.join(x.read_text() for x in files('*.cs', '*.cpp', '*.hpp', '*.h', '*.py', '*.txt', '*.cmake', '*.proto', '*.props', '*.sh', 'colcon'))
    words = set(re.findall(r'\w+', sources))
    faults = [
        f'{document.relative_to(TOP)}: {fault}' for document in files('*.md') for text in [document.read_text()]
        for fault in (*wrong_links(document, text), *wrong_names(text, sources, words))]
    print('\n'.join(faults))
    return 1 if faults else 0


sys.exit(main())
