"""Chats and templates for test_chat.py: every construct of the subset at least once."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather <here> & \"now\".",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name, e.g. 北京"},
                "days": {"type": "integer", "minimum": 1, "maximum": 7.5},
            },
            "required": ["city"],
        },
    },
}

CHATS = {
    "one turn": [{"role": "user", "content": "Who founded Acme?"}],
    "system": [
        {"role": "system", "content": "  Be brief.\n"},
        {"role": "user", "content": "Hi"},
    ],
    "several turns": [
        {"role": "user", "content": "First"},
        {"role": "assistant", "content": "One\nTwo"},
        {"role": "user", "content": " Second "},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nThree"},
        {"role": "user", "content": "Third"},
    ],
    "unicode": [
        {"role": "system", "content": "用中文回答。"},
        {"role": "user", "content": "北京 é ß İ ŉ 👩‍👧 \u2028 'quote' \"double\" \\ back\ttab"},
        {"role": "assistant", "content": "好的\u00a0"},
    ],
    "empty": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
    "tools": [
        {"role": "user", "content": "Weather in Paris?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "abcdefghi",
                    "type": "function",
                    "function": {
                        "name": "get_weather",
                        "arguments": {"city": "Paris", "days": 2, "exact": True, "x": None},
                    },
                },
                {
                    "id": "123456789",
                    "type": "function",
                    "function": {"name": "now", "arguments": {}},
                },
            ],
        },
        {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "12.5"},
        {"role": "assistant", "content": "12.5 degrees."},
    ],
    "parts": [
        {
            "role": "user",
            "content": [
                {"type": "image"},
                {"type": "text", "text": "What is this?"},
                {"type": "text", "text": "And that?"},
            ],
        }
    ],
    "reasoning": [
        {"role": "user", "content": "2+2"},
        {"role": "assistant", "content": "4", "thinking": "two and two"},
        {"role": "user", "content": "3+3"},
    ],
}

EXTRA = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "flag": True,
    "ratio": 2.5,
    "count": 7,
    "nothing": None,
    "words": ["pear", "Apple", "fig", "apple", "Fig"],
    "people": [
        {"name": "Ann", "age": 41, "town": {"code": "x1"}},
        {"name": "bob", "age": 9, "town": {"code": "A2"}},
        {"name": "Cy", "age": 41},
    ],
    "table": {"b": 2, "A": 1, "c": [3, 4], "items": "shadowed"},
}

# Whole chats, as checkpoints write them.
WHOLE = {
    "chatml": """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] | string + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "chatml with default system": """
{%- for message in messages -%}
    {%- if loop.first and message.role != 'system' -%}
        {{- '<|im_start|>system\\nYou help.<|im_end|>\\n' -}}
    {%- endif -%}
    {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
""",
    "inst": """{% if messages[0]['role'] == 'system' %}
  {% set system = '<<SYS>>\\n' + messages[0]['content'] | trim + '\\n<</SYS>>\\n\\n' %}
  {% set rest = messages[1:] %}
{% else %}
  {% set system = '' %}
  {% set rest = messages %}
{% endif %}
{% for message in rest %}
  {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
    {{ raise_exception('roles must alternate') }}
  {% endif %}
  {% if loop.index0 == 0 %}{% set content = system + (message['content'] | string) %}
  {% else %}{% set content = message['content'] %}{% endif %}
  {% if message['role'] == 'user' %}
    {{- bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
  {% elif message['role'] == 'assistant' %}
    {{- ' ' + content | trim + ' ' + eos_token }}
  {% endif %}
{% endfor %}""",
    "headers": """{{- bos_token }}
{%- if tools is not none and tools is defined and tools %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- for t in tools %}
    {{- t | tojson(indent=4) }}
    {{- "\\n\\n" }}
{%- endfor %}
{{- "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | string | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- for call in message.tool_calls %}
        {%- set function = call.function %}
        {{- '{"name": "' + function.name + '", ' }}
        {{- '"parameters": ' }}{{- function.arguments | tojson }}{{- "}" }}
        {%- endfor %}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}""",
    "parts of content": """{% macro render(content) -%}
{%- if content is string -%}{{ content }}
{%- else -%}
  {%- for part in content -%}
    {%- if part.type == 'image' or 'image' in part -%}<image>
    {%- elif 'text' in part -%}{{ part.text }}{% if not loop.last %}|{% endif %}
    {%- endif -%}
  {%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{% for m in messages %}{{ m.role }}: {{ render(m.content) }}
{% endfor %}""",
    "last user index": """{%- set ns = namespace(last=-1, seen=[]) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set ns.last = loop.index0 -%}
{%- set ns.seen = ns.seen + [loop.index] -%}{%- endif -%}{%- endfor -%}
{{ ns.last }} {{ ns.seen }}
{%- for m in messages[::-1] %}
{{ (messages | length - 1) - loop.index0 }} {{ m.role }}{% endfor %}""",
    "reasoning": """{% for m in messages %}{% set content = m.content if m.content is string else '' %}
{%- if '</think>' in content %}
{%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
{%- set content = content.split('</think>')[-1].lstrip('\\n') %}[{{ thought }}]{% endif %}
{%- if m.reasoning_content is defined and m.reasoning_content %}({{ m.reasoning_content }}/{{ m.thinking }}){% endif %}
{{- m.role }}={{ content }};{% endfor %}""",
    "assistant spans": """{% for m in messages %}{{ m.role }}:
{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% set inner = 1 %}<end>
{% endgeneration %}{% else %}{{ m.content }}
{% endif %}{{ inner is defined }}{% endfor %}""",
    "documents and dates": """{{ strftime_now('%Y') | length }}{% for d in documents or [] %}{{ d.title }}{% endfor %}
{%- if tools %}{{ tools | map(attribute='function.name') | join(', ') }}{% endif %}""",
}

# One construct each; `messages` is there too.
SMALL = {
    "literals": "{{ 1 }} {{ -2 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 2.5 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 'a' 'b' }} {{ true }} {{ False }} {{ none }} {{ None }}",
    "string escapes": r"""{{ 'a\nb\t\x41\u4e2d\U0001F600\101\'\"\\ \q' }}{{ "it's" }}""",
    "lists and dicts": "{{ [1, 'two', [3.0, none], (4,), ()] }} {{ {'a': 1, 2: 'b', true: none} }} {{ [1, 2,] }}",
    "repr of text": "{{ ['a\\'b', 'a\"b', 'a\\'b\"', 'tab\\t', 'é', '\\x00', '\\u2028', '\\u00ad', '中\\\\'] }}",
    "arithmetic": "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ 1 + 2 * 3 - 4 }} {{ -2 ** 2 }} {{ 5.5 // 2 }} {{ -5.5 % 2 }} {{ true + 1 }} {{ +3 }} {{ 1 - -1 }}",
    "floats": "{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 100.0 }} {{ 1e22 }} {{ 123456789.123 }} {{ 5e-324 }} {{ -0.0 }}",
    "text arithmetic": "{{ 'ab' * 3 }} {{ 2 * 'x' }} {{ [1] * 2 + [2] }} {{ (1,) + (2,) }} {{ 'a' ~ 1 ~ none ~ 2.0 ~ [1] }} {{ 'x%sy%d' % ('a', 3) }} {{ '%05.1f|%-5s|%+d|%x|%%' % (2.25, 'ab', 7, 255) }} {{ '%(a)s' % {'a': 1} }}",
    "comparison": "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ [1, 2] == [1, 2] }} {{ [1] < [1, 2] }} {{ {'a': 1} == {'a': 1.0} }} {{ 'a' == 1 }} {{ none == none }} {{ (1,) == [1] }} {{ 1 != 2 }} {{ 2 >= 2 }}",
    "membership": "{{ 'b' in 'abc' }} {{ 'x' not in 'abc' }} {{ 1 in [1, 2] }} {{ 'A' in table }} {{ 3 not in (1, 2) }} {{ 'a' in [] }} {{ '' in '' }} {{ 1 in missing }}",
    "logic": "{{ 1 and 2 }} {{ 0 or 'x' }} {{ not 1 }} {{ not none }} {{ '' or [] or 'z' }} {{ (1 and 0) or 3 }} {{ not 1 == 2 }} {{ 1 if flag else 2 }} {{ 1 if not flag }} {{ 'a' if false else 'b' if false else 'c' }}",
    "attributes": "{{ people[0].name }} {{ people[0]['age'] }} {{ people[-1].name }} {{ people.0.name }} {{ table['items'] }} {{ table.items() | list | length }} {{ table.missing }} {{ table['missing'] is defined }} {{ people[9] is undefined }} {{ 'abc'[1] }} {{ 'abc'[-1] }} {{ 'abc'[7] is defined }} {{ nothing.x is defined }}",
    "slices": "{{ words[1:] }} {{ words[:2] }} {{ words[-2:] }} {{ words[::-1] }} {{ words[::2] }} {{ words[3:1:-1] }} {{ 'héllo'[1:3] }} {{ 'héllo'[::-1] }} {{ 'abc'[5:] }} {{ 'abc'[:-1] }} {{ 'abc'[-2:-1] }} {{ (1, 2, 3)[1:] }} {{ 'abc'[-9:2] }} {{ words[none:1] }} {{ 'abcdef'[4:1:-2] }}",
    "tests": "{% for x in [1, 2.0, 'a', 'A', none, true, [], {}, (1,), missing, range(2), '1'] %}{{ x is defined }}{{ x is undefined }}{{ x is none }}{{ x is string }}{{ x is mapping }}{{ x is sequence }}{{ x is iterable }}{{ x is number }}{{ x is integer }}{{ x is float }}{{ x is boolean }}{{ x is true }}{{ x is false }}{{ x is upper }}{{ x is lower }}{{ x is callable }}{{ x is sameas none }};{% endfor %}",
    "tests with arguments": "{{ 4 is divisibleby 2 }} {{ 4 is divisibleby(3) }} {{ 3 is odd }} {{ 3 is even }} {{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge(2) }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ 'x' is not none }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ 'zz' is filter }} {{ 1 is sameas 1 }} {{ 3 is greaterthan 2 and 1 is lessthan 2 }}",
    "text filters": "{{ ' a b ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ 'hello world' | upper }}|{{ 'HeLLo' | lower }}|{{ 'hELLO wORLD' | capitalize }}|{{ 'hello wORLD-foo (bar) {x} [y] <z> é' | title }}|{{ 'a-b-c' | replace('-', '+') }}|{{ 'aaa' | replace('a', 'b', 2) }}|{{ 5 | string ~ '!' }}|{{ 12 | replace(1, 3) }}|{{ 'ab' | replace('', '.') }}",
    "case of unicode": "{{ 'straße ŉ ǆ İI ΑΣ ΑΣΑ ﬁ' | upper }} {{ 'STRASSE İI ΑΣ ΑΣΑ Ǆ' | lower }} {{ 'ΑΣ ß ǆ' | title }} {{ 'ǆabc ΑΣ' | capitalize }} {{ 'they\\'re ΑΣ x2y ǆa ß'.title() }} {{ 'aBcß'.swapcase() }}",
    "length": "{{ 'héé' | length }} {{ [1, 2] | count }} {{ {} | length }} {{ range(5) | length }} {{ missing | length }} {{ table.keys() | length }}",
    "join": "{{ [1, 'a', none] | join(', ') }} {{ words | join }} {{ people | join('/', attribute='name') }} {{ 'abc' | join('-') }} {{ {'k': 1} | join }} {{ missing | join }}",
    "first and last": "{{ words | first }} {{ words | last }} {{ 'xyz' | first }} {{ 'xyz' | last }} {{ [] | first is defined }} {{ table | first }} {{ words | select('string') | first }}",
    "list": "{{ 'héy' | list }} {{ table | list }} {{ range(2, 9, 3) | list }} {{ range(3, 0, -1) | list }} {{ table.values() | list }} {{ table.keys() | list }} {{ missing | list }}",
    "items": "{% for k, v in table | items %}{{ k }}={{ v }};{% endfor %}{% for k, v in table.items() %}{{ k }}:{{ v }};{% endfor %}{{ missing | items | list }}",
    "dictsort": "{{ table | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'A': 2} | dictsort(reverse=true) }}",
    "map": "{{ people | map(attribute='name') | list }} {{ words | map('upper') | join(' ') }} {{ people | map(attribute='town.code', default='?') | list }} {{ words | map('replace', 'p', 'q') | list }} {{ [[1, 2], [3, 4]] | map('last') | list }} {{ [[1, 2]] | map(attribute=0) | list }} {{ words | map('truncate', 4, true, '.', 0) | list }}",
    "select": "{{ [1, 2, 3, 4] | select('odd') | list }} {{ [0, 1, '', 'a'] | select | list }} {{ [1, 2, 3] | reject('equalto', 2) | list }} {{ people | selectattr('age', '>', 10) | map(attribute='name') | list }} {{ people | selectattr('town') | list | length }} {{ people | rejectattr('age', 'equalto', 9) | list | length }} {{ people | selectattr('town', 'defined') | list | length }} {{ people | selectattr('name', 'in', ['Cy']) | list }}",
    "generators": "{% set g = words | select('string') %}{{ g | list | length }} {{ g | list }} {% if words | select('none') %}yes{% endif %} {{ 1 in ([1, 2] | map('int')) }}",
    "default": "{{ missing | default('d') }} {{ nothing | default('d') }} {{ '' | default('d', true) }} {{ 0 | d(5, boolean=true) }} {{ missing | default }}|{{ table.zz | default(table.b) }}",
    "numbers": "{{ '42' | int }} {{ ' -7 ' | int }} {{ '4.9' | int }} {{ 'x' | int }} {{ 'x' | int(9) }} {{ '0x1f' | int(0, 16) }} {{ '1_000' | int }} {{ 3.99 | int }} {{ none | int }} {{ true | int }} {{ '2.5' | float }} {{ 'x' | float }} {{ 3 | float }} {{ '1e3' | float }} {{ -3 | abs }} {{ -2.5 | abs }} {{ 'inf' | float }} {{ 'ff' | int(base=16) }}",
    "round": "{{ 2.5 | round }} {{ 3.5 | round }} {{ 42.55 | round(1) }} {{ 2.675 | round(2) }} {{ 42.1 | round(0, 'ceil') }} {{ 42.9 | round(method='floor') }} {{ 5 | round }} {{ -0.5 | round }} {{ 1.25 | round(1, 'ceil') }}",
    "aggregates": "{{ [3, 1, 2] | min }} {{ [3, 1, 2] | max }} {{ words | max }} {{ words | min(case_sensitive=true) }} {{ [1, 2.5] | sum }} {{ people | sum(attribute='age') }} {{ [[1], [2]] | sum(start=[]) }} {{ people | max(attribute='age') }} {{ [] | max is defined }}",
    "sort": "{{ words | sort }} {{ words | sort(reverse=true) }} {{ words | sort(case_sensitive=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} {{ people | sort(attribute='age,name') | map(attribute='name') | list }} {{ [3, 1.5, 2] | sort }} {{ [(2, 'a'), (1, 'b')] | sort }}",
    "unique": "{{ words | unique | list }} {{ words | unique(true) | list }} {{ people | unique(attribute='age') | map(attribute='name') | list }} {{ [1, 1.0, true, 2] | unique | list }}",
    "reverse": "{{ 'héy' | reverse }} {{ [1, 2] | reverse | list }} {{ words | select('string') | reverse | list }}",
    "batch and slice": "{{ range(7) | batch(3) | list }} {{ range(4) | batch(3, 'x') | list }} {{ range(7) | slice(3) | list }} {{ range(7) | slice(3, 0) | list }}",
    "indent": "{{ 'a\\nb\\n\\nc' | indent }}|{{ 'a\\nb' | indent(2, true) }}|{{ 'a\\n\\nb' | indent(1, blank=true) }}|{{ 'a\\nb\\n' | indent('> ') }}|{{ '' | indent(2, true) }}",
    "truncate and so on": "{{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar baz qux' | truncate(11) }} {{ 'foo bar baz qux' | truncate(11, false, '...', 0) }} {{ 'a b, c_d' | wordcount }} [{{ 'ab' | center(7) }}] {{ '%s-%s' | format('a', 1) }} {{ table | attr('b') is defined }}",
    "tojson": "{{ table | tojson }} {{ [1.0, true, none, 'é\"\\\\/\\n\\x01\\x7f<>&\\''] | tojson }} {{ 'é😀\\x7f' | tojson(ensure_ascii=true) }} {{ {} | tojson }} {{ {'b': 1, 'a': (1, 2)} | tojson(sort_keys=true) }} {{ {1: 2, none: 3, 1.5: 4, true: 5} | tojson }} {{ [1, {'a': 2}] | tojson(separators=(',', ':')) }}",
    "tojson indented": "{{ table | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ [[], {}, [1]] | tojson(indent=4) }} {{ {'a': [1, 2]} | tojson(indent='\\t') }} {{ [1] | tojson(indent=0) }} {{ {'a': 1, 'b': [2]} | tojson(indent=1, separators=(', ', '=')) }}",
    "escape": "{{ '<a href=\"x\">&\\'' | e }} {{ '<b>' | safe }} {{ '<b>' | escape | escape }} {{ '<b>' | safe + '<i>' }} {{ '<b>' | e | forceescape }} {{ ('<b>' | safe) is escaped }} {{ ['<b>' | safe] }} {{ ('<b>' | safe) ~ '<i>' }}",
    "text methods": "{{ ' a '.strip() }}|{{ 'xax'.strip('x') }}|{{ 'xax'.lstrip('x') }}|{{ 'xax'.rstrip('x') }}|{{ 'a,b,c'.split(',') }}|{{ ' a  b '.split() }}|{{ 'a b c'.split(' ', 1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ ' a b  c '.split(none, 1) }}|{{ ' a b  c '.rsplit(maxsplit=1) }}|{{ 'a\\nb\\r\\nc'.splitlines() }}|{{ 'a\\nb'.splitlines(true) }}|{{ 'a=b=c'.partition('=') }}|{{ 'a=b=c'.rpartition('=') }}|{{ 'x'.partition('=') }}",
    "more text methods": "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith('b', 1) }} {{ 'abcb'.find('b') }} {{ 'abcb'.rfind('b') }} {{ 'abc'.find('z') }} {{ 'héh'.index('h', 1) }} {{ 'aXa'.count('a') }} {{ 'aaa'.count('') }} {{ 'a-b'.replace('-', '+') }} {{ '-'.join(['a', 'b']) }} {{ 'aB'.upper() }} {{ 'aB'.lower() }} {{ 'aB cD'.capitalize() }} {{ 'ab'.removeprefix('a') }} {{ 'ab'.removesuffix('b') }} [{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '.') }}] [{{ 'ab'.center(5) }}] [{{ 'abc'.center(6) }}] {{ '-5'.zfill(4) }}",
    "classes of text": "{% for x in ['abc', 'a1', '1', '²', '½', ' ', '', 'ABC', 'aB', '中', '_', '٣'] %}{{ x.isalpha() }}{{ x.isdigit() }}{{ x.isdecimal() }}{{ x.isnumeric() }}{{ x.isalnum() }}{{ x.isspace() }}{{ x.isupper() }}{{ x.islower() }};{% endfor %}",
    "format method": "{{ '{} {}'.format('a', 1) }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=2) }} {{ '{{}}'.format() }}",
    "dict methods": "{{ table.get('b') }} {{ table.get('zz') }} {{ table.get('zz', 5) }} {{ table.keys() | list }} {{ table.values() | list }} {{ table.copy().b }} {{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }} {{ dict([('p', 1)]) }} {{ table['get']('b') }}",
    "list methods": "{{ words.index('fig') }} {{ words.count('apple') }} {{ words.copy() == words }}",
    "loop variables": "{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('odd', 'even') }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "loop changed": "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}",
    "for and else": "{% for x in [] %}{{ x }}{% else %}none{% endfor %}{% for x in [1] %}{{ x }}{% else %}none{% endfor %}{% for x in [1, 2] %}{% continue %}{% else %}all left out{% endfor %}{% for x in missing %}x{% else %}empty{% endfor %}",
    "for if": "{% for x in range(10) if x % 3 == 0 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %},{% endif %}{% endfor %}{% for k, v in table.items() if k != 'b' %}{{ k }}{% else %}no{% endfor %}",
    "for if, lazily": "{% set ns = namespace(stop=false) %}{% for x in range(6) if not ns.stop %}{{ x }}{% if x == 2 %}{% set ns.stop = true %}{% endif %}{% endfor %}",
    "break and continue": "{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}{% for x in range(2) %}{% for y in range(3) %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
    "unpacking": "{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% set x, y = 1, 'z' %}{{ x }}{{ y }}{% set t = 1, %}{{ t }}{% for a in 1, 2 %}{{ a }}{% endfor %}",
    "scopes": "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}{% with x = 5, y = x %}{{ x }}{{ y }}{% set x = 6 %}{{ x }}{% endwith %}{{ x }}{{ y is defined }}",
    "loop leaves nothing": "{% for i in [1] %}{% set z = i %}{% endfor %}{{ z is defined }}{{ i is defined }}{{ loop is defined }}",
    "namespace": "{% set ns = namespace(a=1, b=[]) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c is defined }}{% set ns.c %}block {{ ns.a }}{% endset %}{{ ns.c }}{% set d = namespace({'q': 4}) %}{{ d.q }}",
    "set blocks": "{% set x %}a{{ 1 + 1 }}\n{% endset %}[{{ x }}]{% set y | trim | upper %}  b {% set q = 1 %} {% endset %}[{{ y }}]{{ q is defined }}",
    "macros": "{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, c=4) }}{{ f(b=0, a=9) }}{{ f() }}{% macro g() %}{{ x }}{% endmacro %}{% set x = 7 %}{{ g() }}{{ f.name }}",
    "macro arguments": "{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, 3, k=4) }}{{ f(*[1, 2], **{'z': 3}) }}{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(3) }}",
    "macro scope": "{% macro f() %}{% set inside = 1 %}{{ inside }}{% endmacro %}{{ f() }}{{ inside is defined }}{% for i in [1, 2] %}{% macro h() %}{{ i }}{% endmacro %}{{ h() }}{% endfor %}{{ f() | upper ~ f() }}",
    "call blocks": "{% macro box(t) %}[{{ t }}:{{ caller() }}]{% endmacro %}{% call box('x') %}in{{ 1 }}{% endcall %}{% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(v) each([1, 2]) %}<{{ v }}>{% endcall %}",
    "filter blocks": "{% filter upper %}ab{{ 'c' }}{% endfilter %}{% filter trim | replace('x', 'y') %}  x  {% endfilter %}",
    "raw": "{% raw %}{{ not }} {% this %}{% endraw %}|  {%- raw -%}  a  {%- endraw -%}  |\n  {% raw %}\n x\n  {% endraw %}\n y",
    "comments": "a{# one #}b\n  {# two #}\nc{#- three -#}  d\n{#+ #} e {# {{ x }} {% y %} #}",
    "whitespace": "  {% if true %}\n    x\n  {% endif %}\n  y {% if true %}  z  {% endif %}  \n\t{%- if true -%}\n  w  \n{%- endif +%}\n  {%+ if true %}v{% endif %}\n{{ 1 }}\n  {{- 2 -}}  \n3\n",
    "whitespace of unicode": "a\u00a0{%- if true %}b{% endif -%}\u3000 c \u2003{{- 1 }}\x1d{%- if true %}d{% endif %}\u200b{%- if true %}e{% endif %}",
    "crlf": "a\r\n{% if true %}\r\nb\r\n{% endif %}\r\nc\rd\r\n",
    "last newline": "x\n\n",
    "elif": "{% for x in range(4) %}{% if x == 0 %}a{% elif x == 1 %}b{% elif x == 2 %}c{% else %}d{% endif %}{% endfor %}{% if false %}{% endif %}{% if x is defined: %}q{% endif %}",
    "undefined is quiet": "[{{ missing }}][{{ table.zz }}][{{ missing == missing }}][{{ not missing }}][{{ missing | upper }}][{{ [missing] }}][{{ 'a' ~ missing }}][{{ missing in [1] }}]",
    "brackets over lines": "{{ {\n 'a': {'b': [1,\n 2]}}.a.b[1] }}{{ ('x'\n ~ 'y') }}",
    "braces in text": "{ } {a} }} %} #} {{ '}}' }} {{ '{%' }} {'a': 1}",
    "filters bind tightly": "{{ 1 + 2 | string | length }} {{ -1 | abs }} {{ 'a' + 'b' | upper }} {{ not 'x' is string }} {{ 1 if 'a' is string else 2 }} {{ 'a' is string and 'b' is not mapping }} {{ [1, 2] | length == 2 }} {{ ('a' ~ 'b') | upper }} {{ 3 | string + 'x' }}",
    "range": "{% for i in range(3) %}{{ i }}{% endfor %}{{ range(5)[1:3] | list }}{{ range(3) | sum }}{{ 2 in range(3) }}{{ range(0) | list }}{{ range(5, 1) | list }}",
    "identifiers": "{% set café = 1 %}{% set _x = 2 %}{% set 变量 = 3 %}{{ café }}{{ _x }}{{ 变量 }}",
}

# Refused by Jinja, and so by us, when parsed or when rendered.
REFUSED = {
    "undefined name": "{{ missing.x }}",
    "undefined sum": "{{ missing + 1 }}",
    "undefined call": "{{ missing() }}",
    "raise": "{{ raise_exception('no ' ~ 1) }}",
    "types": "{{ 'a' + 1 }}",
    "order": "{{ 'a' < 1 }}",
    "division": "{{ 1 / 0 }}",
    "modulo": "{{ 1 % 0 }}",
    "append": "{{ words.append(1) }}",
    "update": "{{ table.update({}) }}",
    "pop": "{% set x = table.pop('b') %}",
    "private": "{{ 'a'.__class__.__mro__ }}",
    "iterate none": "{% for x in none %}{% endfor %}",
    "iterate number": "{% for x in 5 %}{% endfor %}",
    "unknown filter": "{{ 1 | frobnicate }}",
    "unknown test": "{{ 1 is frobnicated }}",
    "unknown tag": "{% frobnicate %}",
    "unclosed if": "{% if true %}a",
    "unclosed print": "{{ 1 ",
    "unclosed comment": "{# a",
    "unclosed raw": "{% raw %} a",
    "unclosed string": "{{ 'a }}",
    "stray end": "{% endif %}",
    "wrong end": "{% if true %}{% endfor %}",
    "bracket": "{{ (1] }}",
    "empty print": "{{ }}",
    "assign to literal": "{% set true = 1 %}",
    "assign to attribute": "{% set table.b = 1 %}",
    "unpack": "{% set a, b = [1] %}",
    "break outside": "{% break %}",
    "break in macro": "{% for x in [1] %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}",
    "macro arguments": "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
    "macro keyword": "{% macro f(a) %}{% endmacro %}{{ f(b=1) }}",
    "default order": "{% macro f(a=1, b) %}{% endmacro %}",
    "json of undefined": "{{ missing | tojson }}",
    "json of generator": "{{ words | map('upper') | tojson }}",
    "length of number": "{{ 5 | length }}",
    "length of generator": "{{ words | map('upper') | length }}",
    "large range": "{{ range(1000000) | list }}",
    "private in namespace": "{% set ns = namespace(_a=1) %}",
    "unhashable": "{{ {[1]: 2} }}",
    "sum of texts": "{{ ['a', 'b'] | sum }}",
    "index not found": "{{ 'abc'.index('z') }}",
    "slice of dict": "{{ table[1:] }}",
    "text in number": "{{ 1 in 'a' }}",
    "call of text": "{{ 'a'() }}",
    "empty separator": "{{ 'a'.split('') }}",
    "no such include": "{% include 'x' %}",
    "positional after keyword": "{{ dict(a=1, 2) }}",
}
