#!/usr/bin/perl
# Reads messages with MIME::tools, one after the other, and tells what it saw.
# In and out: a length of four bytes, then so many bytes; in a message, out a JSON object.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Encode ();
use JSON::PP ();
use MIME::Parser;

binmode STDIN;
binmode STDOUT;
$| = 1;
local $SIG{__WARN__} = sub { };    # what is wrong with a message is in its results

my $json = JSON::PP->new->ascii;

sub bytes_of_body {
    my ($entity) = @_;
    my $body = $entity->bodyhandle or return undef;
    my $bytes = $body->as_string;
    return defined $bytes ? $bytes : '';
}

sub text_of {
    my ($entity, $bytes) = @_;
    my $charset = $entity->head->mime_attr('content-type.charset') || 'us-ascii';
    my $encoding = Encode::find_encoding($charset) || Encode::find_encoding('iso-8859-1');
    # Without a CHECK. With any, even one that only says that the source is to be left alone, Encode
    # reads ISO-2022-JP piece by piece: up to the first foreign byte, and the rest it hands back in
    # the source, to be asked for again. https://metacpan.org/pod/Encode#Handling-Malformed-Data
    return $encoding->decode($bytes, $ENV{PERL_READER_CHECK} ? Encode::LEAVE_SRC : 0);
}

# A field whose bytes are no characters is told as Latin-1: one character for each byte.
sub fields_of {
    my ($entity) = @_;
    my @fields;
    for my $line (@{ $entity->head->header }) {
        my ($name, $value) = split /:/, $line, 2;
        push @fields, [$name, defined $value ? $value : ''];
    }
    return \@fields;
}

sub describe {
    my ($entity, $depth, $parts) = @_;
    my $type  = lc $entity->effective_type;
    my $bytes = bytes_of_body($entity);
    my $name  = $entity->head->recommended_filename;
    my $shown = $entity->head->mime_attr('content-disposition');
    push @$parts, {
        depth       => $depth,
        type        => $type,
        filename    => defined $name  ? $name      : '',
        disposition => defined $shown ? lc($shown) : '',
        digest      => defined $bytes ? sha256_hex($bytes) : '',
        text => (defined $bytes && $type =~ m{^text/}) ? text_of($entity, $bytes) : undef,
        headers => fields_of($entity),
    };
    describe($_, $depth + 1, $parts) for $entity->parts;
}

sub read_message {
    my ($message) = @_;
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->tmp_to_core(1);
    $parser->decode_headers(0);
    $parser->max_parts(-1);
    my @parts;
    my @errors;
    my $entity = eval { $parser->parse_data($message) };
    push @errors, 'does not parse' if !$entity;
    push @errors, $parser->results->errors if $parser->results;
    eval { describe($entity, 0, \@parts); 1 } or push @errors, 'cannot be told' if $entity;
    return { parts => \@parts, errors => \@errors };
}

while (read(STDIN, my $length, 4) == 4) {
    my $message = '';
    my $wanted = unpack 'N', $length;
    last if $wanted && read(STDIN, $message, $wanted) != $wanted;
    my $answer = $json->encode(read_message($message));
    print pack('N', length $answer), $answer;
}
