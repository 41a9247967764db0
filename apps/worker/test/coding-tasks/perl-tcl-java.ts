import { type CodingTask, edited, moved, source } from './task.ts';

export const perlTclAndJavaTasks: readonly CodingTask[] = [
  {
    language: 'Perl',
    needs: ['perl'],
    name: 'dollars-and-backslashes',
    test: 'perl -Ilib test.pl',
    files: {
      'lib/Text/Fill.pm': source`
        package Text::Fill;
        use strict;
        use warnings;

        sub fill {
            my ($text, $values) = @_;
            $text =~ s/\{(\w+)\}/$values{$1}/g;
            return $text;
        }

        sub escape {
            my ($text) = @_;
            $text =~ s/([\\"])/\\$1/g;
            return $text;
        }

        1;
      `,
      'lib/Text/Quote.pm': source`
        package Text::Quote;
        use Text::Fill;
        sub quote { '"' . Text::Fill::escape($_[0]) . "'" }
        1;
      `,
      'test.pl': source`
        use strict;
        use warnings;
        use Text::Fill;
        use Text::Quote;
        my $got = Text::Fill::fill('{who} owes $& and $1 {what} {none}', { who => 'Ada', what => '\\$5' });
        die "$got\n" unless $got eq 'Ada owes $& and $1 \\$5 {none}';
        my $quoted = Text::Quote::quote('a "b" \\');
        die "$quoted\n" unless $quoted eq '"a \\"b\\" \\\\"';
      `,
    },
    gold: {
      'lib/Text/Fill.pm': edited([
        String.raw`s/\{(\w+)\}/$values{$1}/g;`,
        String.raw`s/\{(\w+)\}/exists $values->{$1} ? $values->{$1} : $&/ge; # $& and $1, $$, \\1`,
      ]),
      'lib/Text/Quote.pm': edited([`. "'" }`, `. '"' }`]),
    },
  },
  {
    language: 'Perl',
    needs: ['perl'],
    name: 'a-package-gets-another-name',
    test: 'perl -Ilib test.pl',
    files: {
      'lib/Stack.pm': source`
        package Stack;

        =head1 NAME

        Stack - last in, first out

        =cut

        sub new  { bless { items => [] }, shift }
        sub push { my $self = shift; unshift @{ $self->{items} }, @_ }
        sub pop  { my $self = shift; pop @{ $self->{items} } }

        1;
      `,
      'lib/Calculator.pm': source`
        package Calculator;
        use Stack;

        sub evaluate {
            my $stack = Stack->new;
            for my $token (split ' ', $_[0]) {
                if ($token =~ /^\d+$/) { $stack->push($token); next }
                my ($right, $left) = ($stack->pop, $stack->pop);
                $stack->push($token eq '+' ? $left + $right : $left - $right);
            }
            return $stack->pop;
        }

        1;
      `,
      'test.pl': source`
        use Calculator;
        use Data::Stack;
        my $stack = Data::Stack->new;
        $stack->push($_) for 1 .. 3;
        die 'order' unless $stack->pop == 3;
        die 'result' unless Calculator::evaluate('7 2 - 1 +') == 6;
        die 'old name' if -e 'lib/Stack.pm';
      `,
    },
    gold: {
      'lib/Stack.pm': moved(
        'lib/Data/Stack.pm',
        ['package Stack;', 'package Data::Stack;'],
        ['Stack - last in', 'Data::Stack - last in'],
        ['unshift @{', 'push @{'],
      ),
      'lib/Calculator.pm': edited(['use Stack;', 'use Data::Stack;'], ['= Stack->new', '= Data::Stack->new']),
    },
  },
  {
    language: 'Tcl',
    needs: ['tclsh'],
    name: 'braces-in-braces',
    test: 'tclsh test.tcl',
    files: {
      'matrix.tcl': source`
        namespace eval matrix {
            proc transpose {rows} {
                set result {}
                for {set i 0} {$i < [llength $rows]} {incr i} {
                    lappend result [lmap row $rows {lindex $row $i}]
                }
                return $result
            }
            proc sum {rows} {
                set result 0
                foreach row $rows {
                    foreach cell $row {
                        set result $cell
                    }
                }
                return $result
            }
        }
      `,
      'show.tcl': source`
        proc show {rows} {
            return [join [lmap row $rows {join $row " "}] "\r\n"]
        }
      `,
      'test.tcl': source`
        source matrix.tcl
        source show.tcl
        proc expect {got wanted} {if {$got ne $wanted} {error "got <$got>, not <$wanted>"}}
        expect [matrix::transpose {{1 2 3} {4 5 6}}] {{1 4} {2 5} {3 6}}
        expect [matrix::sum {{1 2} {3 4}}] 10
        expect [show {{1 2} {3 4}}] "1 2\n3 4"
      `,
    },
    gold: {
      'matrix.tcl': edited(
        ['{$i < [llength $rows]}', '{$i < [llength [lindex $rows 0]]}'],
        ['                set result $cell', '                incr result $cell'],
      ),
      'show.tcl': edited([String.raw`"\r\n"`, String.raw`"\n"`]),
    },
  },
  {
    language: 'Java',
    needs: ['javac', 'java'],
    name: 'an-interface-and-who-implements-it',
    test: 'javac -d /tmp/"$(basename "$PWD")" $(find . -name "*.java") && java -cp /tmp/"$(basename "$PWD")" app.Main',
    files: {
      'src/app/shapes/Shape.java': source`
        package app.shapes;

        public interface Shape {
            double area();
        }
      `,
      'src/app/shapes/Circle.java': source`
        package app.shapes;

        public record Circle(double radius) implements Shape {
            @Override
            public double area() {
                return Math.PI * radius;
            }
        }
      `,
      'src/app/shapes/Square.java': source`
        package app.shapes;

        public record Square(double side) implements Shape {
            @Override
            public double area() {
                return side * side;
            }
        }
      `,
      'src/app/Main.java': source`
        package app;

        import app.shapes.*;
        import java.util.List;

        public class Main {
            public static void main(String[] arguments) {
                var texts = List.<Shape>of(new Circle(2), new Square(3)).stream()
                    .map(shape -> String.format(java.util.Locale.ROOT, "%s %.2f", shape.name(), shape.area())).toList();
                if (!texts.equals(List.of("circle 12.57", "square 9.00"))) throw new AssertionError(texts);
            }
        }
      `,
    },
    gold: {
      'src/app/shapes/Shape.java': edited([
        '    double area();\n',
        '    double area();\n\n    String name();\n',
      ]),
      'src/app/shapes/Circle.java': edited([
        '        return Math.PI * radius;\n    }\n',
        '        return Math.PI * radius * radius;\n    }\n\n    @Override\n    public String name() {\n        return "circle";\n    }\n',
      ]),
      'src/app/shapes/Square.java': edited([
        '        return side * side;\n    }\n',
        '        return side * side;\n    }\n\n    @Override\n    public String name() {\n        return "square";\n    }\n',
      ]),
    },
  },
];
